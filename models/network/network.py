"""The network: towers for what a post holds and their fusion (deep), and beside them (wide) n-grams and motion."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from models.domain.preset import Modality, Preset
from models.encoders import ENCODERS
from models.encoders.base.encoder import Blueprint, Tokens, Tower
from models.layers.embedding_probe import EmbeddingProbe
from models.layers.fusion import Aligned, Fusion
from models.layers.lora import adapt, merge
from models.layers.motion import Motion, gathered
from models.layers.ngrams import HashedNgrams
from models.layers.temporal import Temporal
from models.network.backbone_folder import (
    About,
    configuration,
    inherited,
    is_backbone,
    restore,
    unrelated,
)
from models.network.captions import Captioner


class Halves(NamedTuple):
    """Logits [N, P] of a batch: deep; wide, None where a preset has no linear part; what motion adds, None where it
    sees no videos. read: [N], whether a post has a text.
    """

    deep: Tensor
    wide: Tensor | None
    read: Tensor
    motion: Tensor | None

    def mixed(self, shares: Tensor) -> Tensor:
        """[N, P], by the shares [3, P] of deep, wide and one in posts with a text."""
        logits = self.deep
        if self.wide is not None:
            both = shares[0] * logits + shares[1] * self.wide + shares[2]
            logits = torch.where(self.read[:, None], both, logits)
        return logits if self.motion is None else logits + self.motion

    def kept(self) -> Self:
        """In single precision on the processor."""
        return self._replace(**{name: part.cpu() for name, part in self.present().items()})

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One batch of several."""
        columns = {name: [part.present()[name] for part in parts] for name in parts[0].present()}
        return parts[0]._replace(**{name: torch.cat(column) for name, column in columns.items()})

    def present(self) -> dict[str, Tensor]:
        """The parts that there are, by name, logits in single precision."""
        found = {name: part for name, part in self._asdict().items() if part is not None}
        return {name: part if part.dtype is torch.bool else part.float() for name, part in found.items()}


class Network(nn.Module):
    """One logit for each policy. A modality that a post lacks is masked; one the preset lacks has no encoder.

    A family that both reads and sees is one tower; `weights` is a folder of those of the one family that the preset
    names, or of a folder for each. `embedding_width`, F, is that of a frozen encoder beside it, 0 for none.
    """

    def __init__(
        self,
        preset: Preset,
        policies: int,
        pieces: Tensor,
        weights: Path | None = None,
        embedding_width: int = 0,
    ) -> None:
        super().__init__()
        self.width, self.vocabulary, self.frames = preset.width, len(pieces), preset.frames
        self.frozen = preset.tuning == "probe"
        self.captioner = Captioner(preset) if preset.caption_tokens else None
        self.towers = nn.ModuleDict(towers(preset, pieces, weights, writes=preset.caption_tokens > 0))
        self.reader = key(preset.text_encoder) if "text" in preset.modalities else ""
        self.seer = key(preset.image_encoder) if {"image", "video"} & {*preset.modalities} else ""
        self.pictures = "image" in preset.modalities
        self.read_width = _fitted(self._tower(self.reader).text_width, preset.width) if self.reader else None
        self.seen_width = _fitted(self._tower(self.seer).image_width, preset.width) if self.seer else None
        self.ngrams = HashedNgrams(len(pieces), policies, preset.ngram_bits) if preset.has_ngrams else None
        self.embedding_width = embedding_width
        self.probe = EmbeddingProbe(embedding_width, policies) if embedding_width else None
        self.register_buffer("shares", torch.tensor([[0.5], [0.5], [0.0]]).repeat(1, policies))
        self.shares: Tensor  # of deep, wide and one; each validation's
        self.register_load_state_dict_pre_hook(_shared_alike)  # type: ignore[no-untyped-call]
        self.temporal = self.motion = None
        if "video" in preset.modalities:
            self.motion = Motion(policies)
            self.temporal = Temporal(preset.width, preset.heads, preset.frames, preset.dropout)
        self.fusion = Fusion(policies, preset.width, preset.heads, preset.dropout)
        self.aligned = self._aligned(policies)
        self.bias = nn.Parameter(torch.zeros(policies))
        adapt(self.towers, preset.tuning, preset.lora_rank)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pixels: Tensor,
        image_index: Tensor,
        frame_index: Tensor,
        text_embedding: Tensor | None = None,
    ) -> Tensor:
        """Logits [N, P], a share of deep and of wide where there is text, and what motion adds where there is a video;
        takes what `deep` takes.
        """
        halves = self.halves(input_ids, attention_mask, pixels, image_index, frame_index, text_embedding)
        return halves.mixed(self.shares)

    def halves(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pixels: Tensor,
        image_index: Tensor,
        frame_index: Tensor,
        text_embedding: Tensor | None = None,
    ) -> Halves:
        """What `forward` mixes; takes what `deep` takes."""
        return Halves(
            self.deep(input_ids, attention_mask, pixels, image_index, frame_index),
            self.wide(input_ids, attention_mask, text_embedding),
            (attention_mask > 0).any(dim=1),
            None if self.motion is None else self.motion(pixels, frame_index),
        )

    def wide(
        self, input_ids: Tensor, attention_mask: Tensor, text_embedding: Tensor | None = None
    ) -> Tensor | None:
        """Logits [N, P] of the linear parts that read a text, None where the preset has none of them."""
        parts = [] if self.ngrams is None else [self.ngrams(input_ids, attention_mask)]
        if self.probe is not None and text_embedding is not None:
            parts.append(self.probe(text_embedding))
        return sum(parts[1:], parts[0]) if parts else None

    def deep(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pixels: Tensor,
        image_index: Tensor,
        frame_index: Tensor,
        text_embedding: Tensor | None = None,  # noqa: ARG002 - of a batch's inputs, and the wide half's alone
    ) -> Tensor:
        """input_ids, attention_mask [N, T]; pixels [M, 3, S, S], pictures and frames; image_index [N] and frame_index
        [N, F], where among them a post's are, -1 for none; text_embedding [N, E] of a frozen encoder. Logits [N, P].
        """
        looked = self._look(pixels)
        found = looked and looked.hidden
        seen = self._of_posts(found, image_index)
        read = self._read(input_ids, attention_mask, seen)
        text = self._common(self._with_captions(read, seen), self.read_width, image_index)
        picture = self._common(seen, self.seen_width, image_index)
        hidden, mask = picture.hidden, picture.mask
        if self.temporal is not None:
            watched = self.temporal(self._frames(found, frame_index), pixels, frame_index)
            hidden, mask = torch.cat([hidden, watched], dim=1), torch.cat([mask, frame_index >= 0], dim=1)
        logits = self.bias + self.fusion(text.hidden, text.mask, hidden, mask)
        if self.aligned is None or read is None:
            return logits
        return logits + self.aligned(*self._embeddings(read, looked, image_index, frame_index))

    def moments(self, pixels: Tensor, frame_index: Tensor) -> Tensor:
        """Logits [N, F, P] of videos of which each frame, its neighbours in view, were all there is."""
        assert self.temporal is not None
        looked = self._look(pixels)
        watched = self.temporal(self._frames(looked and looked.hidden, frame_index), pixels, frame_index)
        alone, mask = watched.flatten(0, 1).unsqueeze(1), (frame_index >= 0).flatten().unsqueeze(1)
        logits = self.bias + self.fusion(torch.zeros_like(alone), mask & False, alone, mask)
        logits = logits.unflatten(0, (-1, self.frames))
        if self.aligned is None or looked is None or looked.embedding is None:
            return logits
        embeddings = gathered(looked.embedding, frame_index)
        return logits + self.aligned(torch.zeros_like(embeddings), embeddings)

    def groups(self, encoder_rate: float) -> list[tuple[list[nn.Parameter], float]]:
        """What is trained and at which rate: the towers at `encoder_rate`, the rest at 1; no empty groups."""
        of_towers = [parameter for parameter in self.towers.parameters() if parameter.requires_grad]
        known = set(self.towers.parameters())
        rest = [parameter for parameter in self.parameters() if parameter not in known]
        return [(group, share) for group, share in ((of_towers, encoder_rate), (rest, 1.0)) if group]

    def merged(self) -> Self:
        """A copy whose low-rank additions are part of its weights."""
        network = deepcopy(self).eval()
        merge(network.towers)
        return network

    def for_serving(self) -> Self:
        """A copy that computes the same, with what can be computed beforehand already computed."""
        network = self.merged()
        for name, tower in network.towers.items():
            network.towers[name] = tower.for_serving()  # type: ignore[operator]
        return network

    def _tower(self, name: str) -> Tower:
        tower = self.towers[name]
        assert isinstance(tower, Tower)
        return tower

    def _read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tokens | None:
        """Tokens with zeros where there is no text."""
        if not self.reader:
            return None
        read = self._tower(self.reader).read(
            input_ids, attention_mask, seen if self.reader == self.seer else None
        )
        return read._replace(hidden=read.hidden * read.mask.unsqueeze(-1))

    def _with_captions(self, read: Tokens | None, seen: Tokens | None) -> Tokens | None:
        """The text's tokens, and behind them those of what the tower writes of the picture, where that is asked."""
        if self.captioner is None or read is None or seen is None:
            return read
        written = self.captioner(self._tower(self.reader), seen)
        return Tokens(
            torch.cat([read.hidden, written.hidden], dim=1), torch.cat([read.mask, written.mask], dim=1)
        )

    def _look(self, pixels: Tensor) -> Tokens | None:
        """Tokens [M, L, D] of all pictures and frames; a batch without any does not enter the tower."""
        if not self.seer or (not torch.compiler.is_exporting() and not pixels.shape[0]):
            return None
        return self._tower(self.seer).see(pixels)

    def _aligned(self, policies: int) -> Aligned | None:
        """Of a family in whose space both texts and pictures lie."""
        width = self._tower(self.reader).embedding_width if self.reader and self.reader == self.seer else 0
        return Aligned(policies, width) if width else None

    def _embeddings(
        self, read: Tokens, looked: Tokens | None, image_index: Tensor, frame_index: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Of each post's text and of its pictures' mean, [N, E], zeros where it has none."""
        assert read.embedding is not None
        text = read.embedding * read.mask.any(dim=1, keepdim=True)
        if looked is None or looked.embedding is None:
            return text, torch.zeros_like(text)
        places = frame_index if self.temporal is not None else frame_index[:, :0]
        if self.pictures:
            places = torch.cat([image_index[:, None], places], dim=1)
        count = (places >= 0).sum(dim=1, keepdim=True).clamp(min=1)
        return text, gathered(looked.embedding, places).sum(dim=1) / count

    def _of_posts(self, found: Tensor | None, image_index: Tensor) -> Tokens | None:
        """Tokens of each post's picture, zeros where it has none."""
        if found is None or not self.pictures:
            return None
        hidden = gathered(found, image_index)
        return Tokens(hidden, (image_index >= 0)[:, None].expand(-1, hidden.shape[1]))

    def _frames(self, found: Tensor | None, frame_index: Tensor) -> Tensor:
        """One token [N, F, D] a frame, zeros where there is none."""
        if found is None or self.seen_width is None:
            return self.bias.new_zeros(*frame_index.shape, self.width)
        return gathered(self.seen_width(found).mean(dim=1), frame_index)

    def _common(self, tokens: Tokens | None, fit: nn.Module | None, image_index: Tensor) -> Tokens:
        """Tokens of the common width; one a post that is not there where nothing was read or seen."""
        if tokens is not None and fit is not None:
            return tokens._replace(hidden=fit(tokens.hidden))
        hidden = self.bias.new_zeros(image_index.shape[0], 1, self.width)
        return Tokens(hidden, (image_index < 0)[:, None] & False)

    def train(self, mode: bool = True) -> Self:
        """Encoders of which nothing is trained keep their statistics and drop nothing."""
        super().train(mode)
        if self.frozen:
            self.towers.eval()
        return self


def _shared_alike(network: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """A state that a release left which knew of no shares is one of halves that count alike."""
    state.setdefault(f"{prefix}shares", network.get_buffer("shares"))


def towers(preset: Preset, pieces: Tensor, weights: Path | None, *, writes: bool = False) -> dict[str, Tower]:
    """The towers of a preset by the keys of their families; those that can write do where that is asked."""
    asked: dict[str, tuple[Modality, ...]] = {}
    for modality in preset.modalities:
        family = preset.text_encoder if modality == "text" else preset.image_encoder
        asked[family] = (*asked.get(family, ()), modality)
    found = {family: weights_of(weights, family) for family in asked}
    if any(map(is_backbone, found.values())) and not any(map(_holds, found.values(), found)):
        raise unrelated(preset, next(folder for folder in found.values() if folder and is_backbone(folder)))
    return {
        key(family): _tower(
            family,
            Blueprint(
                preset=preset, pieces=pieces, modalities=modalities, weights=found[family], writes=writes
            ),
        )
        for family, modalities in asked.items()
    }


def _tower(family: str, blueprint: Blueprint) -> Tower:
    """Of a backbone where the weights are one that has it, anew where it has not."""
    folder, build = blueprint.weights, ENCODERS[family].build
    if folder is None or not is_backbone(folder):
        return build(blueprint)
    if not _holds(folder, family):
        return build(replace(blueprint, weights=None))
    about, asked = About.read(folder), blueprint.modalities
    known = [modality for modality in asked if modality in about.preset.modalities]
    tower = build(
        replace(blueprint, preset=inherited(blueprint.preset, folder, known), weights=configuration(folder))
    )
    restore(tower, key(family), folder, whole=len(known) == len(asked))
    return tower


def _holds(folder: Path | None, family: str) -> bool:
    return folder is not None and (not is_backbone(folder) or family in About.read(folder).families)


def key(family: str) -> str:
    """A family's name as that of a module, which may hold no dot."""
    return family.replace(".", "_")


def weights_of(weights: Path | None, family: str) -> Path | None:
    """The weights of one family: a folder of its name, else all of them where there are no such folders."""
    if weights is None or (weights / family).is_dir():
        return weights and weights / family
    inside = {path.name for path in weights.iterdir() if path.is_dir() and not path.name.startswith(".")}
    return (
        None if inside and inside <= {*ENCODERS.names()} else weights
    )  # one of albef has folders of its own


def _fitted(found: int, wanted: int) -> nn.Module:
    return nn.Identity() if found == wanted else nn.Linear(found, wanted)
