"""What the linear parts of a network know before training: of words, of what frozen encoders read, of what they see.

Each solves a convex problem on the judged posts of the training split, and counts for the share that posts give it
which it was not fitted on (models.layers.wide).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.augmentation import reworded
from models.data.labels import judged
from models.data.respelling import some_respelled
from models.data.snapshot import SnapshotRows, matrix
from models.data.words import Words, unmasked
from models.domain.preset import Preset
from models.evaluation.cross_fit import dealt
from models.layers.embedding_probe import PROBE_PENALTIES, Block, Scale
from models.layers.logistic_regression import Dense, Regression
from models.layers.wide import Part, weighed

FOLDS, FEW_FOLDS = 5, 2  # in which the parts' shares are found
MANY_TEXTS = 8_000  # from which on FEW_FOLDS do: half of so many texts tell as much
BATCH_ROWS = 1024  # read at once


@dataclass(frozen=True)
class JudgedTexts:
    """N texts with their targets and weights [N, P]; fold: [N], the same for a text, its copies and near-duplicates;
    rows: [N], the post's of each in the snapshot.
    """

    texts: list[str | None]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    fold: NDArray[np.integer]
    rows: NDArray[np.int64]


def linear_parts(
    texts: JudgedTexts,
    ngrams: Regression | None,
    embeddings: NDArray[np.float32] | None,
    blocks: Sequence[Block],
    prior: NDArray[np.float32],
    preset: Preset,
) -> dict[str, Tensor]:
    """What the linear parts hold, by names of the network's state; blocks: what is seen of the same posts."""
    parts: dict[str, Part] = {}
    there = np.zeros(len(texts.texts), np.bool_)
    if ngrams is not None:
        parts["ngrams"] = Part(ngrams.features, (preset.ngram_penalty,))
        there |= ngrams.texts
    if embeddings is not None:
        there |= embeddings.any(axis=1)
        scale = Scale.of(embeddings[there] if there.any() else embeddings)
        parts["probe"] = Part(Dense(scale(embeddings) * there[:, None]), PROBE_PENALTIES)
    for place, block in enumerate(blocks):
        there = there | block.there
        parts[f"block {place}"] = Part(Dense(block.features), PROBE_PENALTIES)
    points: dict[str, list[NDArray[np.float64]]] = {name: [] for name in parts}
    for policy in range(len(prior)):
        known = there & ~np.isnan(texts.targets[:, policy])
        solved = weighed(
            [part.of(known) for part in parts.values()],
            texts.targets[known, policy].astype(np.float64),
            texts.weights[known, policy].astype(np.float64),
            float(prior[policy]),
            texts.fold[known],
        )
        for name, point in zip(parts, solved, strict=True):
            points[name].append(point)
        if blocks and embeddings is not None:
            # the probe is silent in posts without a text, this part in none
            points["block 0"][-1][-1] += points["probe"][-1][-1]
            points["probe"][-1][-1] = 0.0
    found: dict[str, Tensor] = {}
    if ngrams is not None:
        found |= {f"ngrams.{name}": tensor for name, tensor in ngrams.tables(points["ngrams"]).items()}
    if blocks:
        found |= _seen(blocks, points)
    if embeddings is not None:
        weight, intercept = scale.undone(np.stack(points["probe"], axis=1))
        found |= {"probe.weight": torch.from_numpy(weight), "probe.intercept": torch.from_numpy(intercept)}
    return found


def _seen(blocks: Sequence[Block], points: dict[str, list[NDArray[np.float64]]]) -> dict[str, Tensor]:
    """What the linear model of the blocks holds."""
    solved = [np.stack(points[f"block {place}"], axis=1) for place in range(len(blocks))]
    intercept = np.sum([point[-1] for point in solved], axis=0)
    weight = np.concatenate([block.undone(point) for block, point in zip(blocks, solved, strict=True)])
    return {
        "picture_probe.weight": torch.from_numpy(weight),
        "picture_probe.intercept": torch.from_numpy(intercept.astype(np.float32)),
    }


def judged_texts(rows: SnapshotRows, preset: Preset, words: Words | None = None) -> JudgedTexts:
    """At most `ngram_posts` posts, taken at even distances.

    Respelled copies of some stand beside them, so that what is left of a word in another spelling counts too; a text
    has the same one each time, which is embedded once.
    """
    positions, width = rows.positions("train"), len(rows.policies)
    positions = positions[:: -(-len(positions) // preset.ngram_posts)]
    found: list[str | None] = []
    targets: list[NDArray[np.float32]] = []
    votes: list[NDArray[np.float32]] = []
    clusters: list[NDArray[np.integer]] = []
    places: list[NDArray[np.int64]] = []
    rng = np.random.default_rng(0)
    for first in range(0, len(positions), BATCH_ROWS):
        table = rows.take(positions[first : first + BATCH_ROWS], "text", "labels", "votes", "cluster")
        texts = table["text"].to_pylist()
        texts = reworded(texts, matrix(table["labels"], width), preset, rng)
        drawn = [bool(text) and _drawn(text or "") < preset.respell for text in texts]
        copied = np.flatnonzero(np.array(drawn, np.bool_))
        copies = [_copy(texts[row] or "") for row in copied]
        found += unmasked([*texts, *copies], words)
        for parts, name in ((targets, "labels"), (votes, "votes")):
            column = matrix(table[name], width)
            parts += [column, column[copied]]
        cluster = table["cluster"].to_numpy()
        clusters += [cluster, cluster[copied]]
        places += [positions[first : first + BATCH_ROWS], positions[first : first + BATCH_ROWS][copied]]
    folds = FEW_FOLDS if len(found) > MANY_TEXTS else FOLDS
    return JudgedTexts(
        found,
        *judged(np.concatenate(targets), np.concatenate(votes), preset.unknown),
        dealt(np.concatenate(clusters), folds),
        np.concatenate(places),
    )


def _drawn(text: str) -> float:
    """A number in 0 to 1 that a text draws for itself."""
    return crc32(text.encode(errors="replace")) / 2**32


def _copy(text: str) -> str:
    (copy,) = some_respelled([text], 1.0, np.random.default_rng(crc32(text.encode(errors="replace"))))
    return copy or text
