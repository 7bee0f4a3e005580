"""A backbone: the towers of a preset and a space that text and pictures share, learned from posts without judgements.

A folder of one holds `backbone.json` (what it is and learned from), `backbone.safetensors` and `tokenizer.json`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, Self

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from models.data.tokenizer import load_tokenizer, pieces
from models.domain.preset import Preset
from models.encoders.base.encoder import Tokens, Tower
from models.layers.fusion import pool
from models.network.backbone_folder import (
    ABOUT,
    JUDGE,
    TOKENIZER,
    WEIGHTS,
    About,
    configuration,
    is_backbone,
    keep_configurations,
    restore_rest,
)
from models.network.network import key, towers
from models.process.atomic_write import whole_folder

FIRST_SCALE, HIGHEST_SCALE = 1 / 0.07, 100.0  # of cosines, as in CLIP


class Backbone(nn.Module):
    """Reads, sees and, where `writes` is asked, writes as its towers do.

    Where a tower brings an embedding of its own, that is the shared space; where none does, one of the preset's width
    is learned.
    """

    def __init__(
        self, preset: Preset, pieces: Tensor, weights: Path | None = None, *, writes: bool = False
    ) -> None:
        super().__init__()
        self.preset, self.vocabulary, self.weights = preset, len(pieces), weights
        self.about: About | None = None
        self.towers = nn.ModuleDict(towers(preset, pieces, weights, writes=writes))
        self.reader = key(preset.text_encoder) if "text" in preset.modalities else ""
        self.seer = key(preset.image_encoder) if {"image", "video"} & {*preset.modalities} else ""
        both = bool(self.reader and self.seer)
        of_text, of_image = (self.tower(m).embedding_width if both else 0 for m in ("text", "image"))
        self.embedding_width = of_text or of_image or preset.width
        self.text_projection = self._projection(self.reader and not of_text, self._width("text"))
        self.image_projection = self._projection(
            self.seer and of_image != self.embedding_width, self._width("image")
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))
        self.offset = nn.Parameter(torch.tensor(0.0))
        if weights and is_backbone(weights):
            restore_rest(self, weights)

    @property
    def scale(self) -> Tensor:
        """What cosines of text and pictures are multiplied by before a softmax over them, a scalar."""
        return self.log_scale.exp().clamp(max=HIGHEST_SCALE)

    def read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None = None) -> Tokens:
        """[N, T] to tokens [N, T, D], zeros where there is no text; `seen`, each one's picture, is looked at by
        families that read with it in view.
        """
        read = self.tower("text").read(input_ids, attention_mask, self._in_view(seen))
        return read._replace(hidden=read.hidden * read.mask.unsqueeze(-1))

    def write(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None = None) -> Tensor:
        """Logits [N, T, V] of the token after each, of what `writes`."""
        return self.tower("text").write(input_ids, attention_mask, self._in_view(seen))

    def see(self, pixels: Tensor) -> Tokens:
        """[M, 3, S, S] in -1 to 1 to tokens [M, L, D]."""
        return self.tower("image").see(pixels)

    def text_embedding(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, E] of unit length."""
        return self.embedded_text(self.read(input_ids, attention_mask))

    def image_embedding(self, pixels: Tensor) -> Tensor:
        """[M, 3, S, S] in -1 to 1 to [M, E] of unit length."""
        return self.embedded_image(self.see(pixels))

    def embedded_text(self, read: Tokens) -> Tensor:
        """Tokens of texts to [N, E] of unit length."""
        return _embedded(read, self.text_projection)

    def embedded_image(self, seen: Tokens) -> Tensor:
        """Tokens of pictures to [M, E] of unit length."""
        return _embedded(seen, self.image_projection)

    def tower(self, modality: Literal["text", "image"]) -> Tower:
        """The one that reads, or the one that sees."""
        found = self.towers[self.reader if modality == "text" else self.seer]
        assert isinstance(found, Tower)
        return found

    def save(
        self, folder: Path, tokenizer: Tokenizer, about: About, *, judge: nn.Module | None = None
    ) -> None:
        """Leave it in `folder`, whole or not at all; `judge`, what it learned to match with, is not part of it."""
        with whole_folder(folder) as aside:
            save_file({name: t.contiguous() for name, t in self.state_dict().items()}, aside / WEIGHTS)
            if judge is not None:
                save_file(judge.state_dict(), aside / JUDGE)
            keep_configurations(self.weights, aside)
            tokenizer.save(str(aside / TOKENIZER))
            (aside / ABOUT).write_text(about.model_dump_json(indent=1))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """As it was saved, for evaluation; raises NotABackboneError where the folder holds none."""
        about = About.read(folder)
        backbone = cls(about.preset, token_pieces(folder), configuration(folder), writes=about.writes)
        backbone.load_state_dict(load_file(folder / WEIGHTS))
        backbone.about = about
        return backbone.eval()

    def _in_view(self, seen: Tokens | None) -> Tokens | None:
        return seen if self.reader == self.seer else None

    def _width(self, modality: Literal["text", "image"]) -> int:
        if modality == "text":
            return self.tower("text").text_width if self.reader else 0
        return self.tower("image").image_width if self.seer else 0

    def _projection(self, wanted: object, width: int) -> nn.Linear | None:
        """From pooled tokens to the shared space; none where there is one modality alone."""
        if not wanted or not self.reader or not self.seer:
            return None
        return nn.Linear(2 * width, self.embedding_width, bias=False)


def token_pieces(folder: Path) -> Tensor:
    """Of a backbone's tokeniser, see models.data.tokenizer."""
    return torch.from_numpy(pieces(load_tokenizer(folder / TOKENIZER, About.read(folder).preset.max_tokens)))


def _embedded(tokens: Tokens, projection: nn.Module | None) -> Tensor:
    if projection is None:
        assert tokens.embedding is not None
        return tokens.embedding
    return functional.normalize(projection(pool(tokens.hidden, tokens.mask)), dim=-1)
