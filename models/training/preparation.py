"""What is learned from the training split before training: the tokeniser, priors, n-gram weights, motion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from models.data.augmentation import reworded
from models.data.labels import judged
from models.data.loader import DECODERS
from models.data.pixels import HALF_BYTE, stacked
from models.data.respelling import some_respelled
from models.data.snapshot import SnapshotRows, matrix
from models.data.tokenizer import encode, load_tokenizer, marks, pieces, train_tokenizer, word_starts
from models.data.video import Watch, film
from models.data.words import Words, unmasked
from models.domain.preset import Preset
from models.encoders import ENCODERS
from models.layers.logistic_regression import Regression
from models.layers.motion import fitted, summary
from models.network.backbone_folder import About, is_backbone
from models.network.network import Network, weights_of
from models.process.atomic_write import whole_file, write_text

TOKENIZER, STATISTICS, WORDS = "tokenizer.json", "statistics.safetensors", "words.tsv"
BATCH_ROWS = 1024  # read at once
VIDEOS, CLIPS = 2048, 16  # that motion is learned from, and posts of which they are decoded at once
LOOKED_AT = 100_000  # posts among which videos are looked for
DOUBT = 20.0  # a prior begins as one violation in so many judgements


@dataclass(frozen=True)
class Preparation:
    tokenizer: Tokenizer
    pieces: Tensor
    statistics: dict[str, Tensor]
    weights: Path | None
    words: Words | None = None

    def network(self, preset: Preset, policies: int) -> Network:
        """A new network that begins at the priors."""
        network = Network(preset, policies, self.pieces, self.weights)
        network.load_state_dict(self.statistics, strict=False)
        return network


def prepare(rows: SnapshotRows, preset: Preset, folder: Path, weights: Path | None = None) -> Preparation:
    """Read from `folder` where an earlier run left it, else learned and left there.

    A text encoder that begins from `weights` reads with their tokeniser.
    """
    tokenizer, statistics_file = prepared_tokenizer(rows, preset, folder, weights), folder / STATISTICS
    words = prepared_words(rows, preset, folder)
    token_pieces = torch.from_numpy(pieces(tokenizer))
    if not statistics_file.exists():
        statistics = _statistics(rows, preset, tokenizer, token_pieces, words)
        with whole_file(statistics_file) as aside:
            save_file(statistics, aside)
    return Preparation(tokenizer, token_pieces, load_file(statistics_file), weights, words)


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
    words: Words | None = None,
) -> dict[str, Tensor]:
    """Initial values of the network's bias, and its n-gram tables, by their names in its state."""
    prior = _prior_logits(rows)
    statistics = {"bias": torch.from_numpy(prior)}
    if preset.caption_tokens:
        statistics["captioner.marks"] = torch.tensor(marks(tokenizer))
    if preset.has_ngrams:
        ids, targets, weights = _judged_texts(rows, preset, tokenizer, words)
        found = Regression(ids, token_pieces.numpy(), word_starts(tokenizer), preset.ngram_bits).fit(
            targets, weights, prior, preset.ngram_penalty
        )
        statistics |= {f"ngrams.{name}": tensor for name, tensor in found.items()}
    if "video" in preset.modalities:
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


def _judged_texts(
    rows: SnapshotRows, preset: Preset, tokenizer: Tokenizer, words: Words | None = None
) -> tuple[list[list[int]], NDArray[np.float32], NDArray[np.float32]]:
    """Token ids, targets and weights [N, P] of at most `ngram_posts` posts, taken at even distances.

    Respelled copies of some stand beside them, so that what is left of a word in another spelling counts too.
    """
    positions, width = rows.positions("train"), len(rows.policies)
    positions = positions[:: -(-len(positions) // preset.ngram_posts)]
    ids: list[list[int]] = []
    targets: list[NDArray[np.float32]] = []
    votes: list[NDArray[np.float32]] = []
    rng = np.random.default_rng(0)
    for first in range(0, len(positions), BATCH_ROWS):
        table = rows.take(positions[first : first + BATCH_ROWS], "text", "labels", "votes")
        texts = table["text"].to_pylist()
        texts = reworded(texts, matrix(table["labels"], width), preset, rng)
        copied = np.flatnonzero(rng.random(len(texts)) < preset.respell)
        copies = some_respelled([texts[row] for row in copied], 1.0, rng)
        ids += encode(tokenizer, unmasked([*texts, *copies], words))
        for parts, column in ((targets, "labels"), (votes, "votes")):
            found = matrix(table[column], width)
            parts += [found, found[copied]]
    return ids, *judged(np.concatenate(targets), np.concatenate(votes), preset.unknown)


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
