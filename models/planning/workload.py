"""What a training run has to do: its posts, passes and steps, and the shapes of its batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.data.loader import SplitBatches
from models.data.snapshot import SnapshotRows
from models.data.tokenizer import encode, pieces
from models.domain.preset import Preset
from models.planning.tracing import Shape
from models.training.preparation import tokenizer_for

LEARNED = 20_000  # texts that the tokeniser of a plan learns from
CHUNK = 256  # rows whose pictures are in memory at once
ASSUMED_POSTS, ASSUMED_VALIDATION, ASSUMED_POLICIES = 100_000, 10_000, 8
ASSUMED_GRAMS = 16  # pieces of a token in a vocabulary that is not learned yet


@dataclass(frozen=True)
class Workload:
    """`shapes` are those of one block's batches, shortest text first; `source` says where all this is from."""

    source: str
    posts: int
    validation: int
    steps: int
    epochs: int
    policies: int
    shapes: tuple[Shape, ...]
    pieces: Tensor
    ids: Tensor
    tokenizer: Tokenizer | None = None

    @property
    def largest(self) -> Shape:
        """As large as a batch may become: the longest text, the most pictures and the most videos together."""
        columns = zip(*self.shapes, strict=True)
        return Shape(*(max(column) for column in columns))


def workload(rows: SnapshotRows, preset: Preset, weights: Path | None = None) -> Workload:
    """Of a snapshot: its own lengths, pictures and numbers of posts."""
    train, validation = rows.positions("train"), rows.positions("validation")
    learned = train[:: -(-len(train) // LEARNED)]
    texts = rows.take(learned, "text")["text"].to_pylist()
    tokenizer = tokenizer_for((text for text in texts if text), preset, weights)
    tokenizer.no_padding()
    tokenizer.enable_truncation(preset.max_tokens)
    block = train[:: -(-len(train) // preset.block_rows)]
    ids = encode(tokenizer, rows.take(block, "text")["text"].to_pylist())
    steps = len(SplitBatches(rows, "train", tokenizer, preset, seed=0))
    return Workload(
        source=f"snapshot {rows.id[:12]}",
        posts=len(train),
        validation=len(validation),
        steps=steps,
        epochs=_passes(preset, steps),
        policies=len(rows.policies),
        shapes=_shapes(rows, preset, ids, block),
        pieces=torch.from_numpy(pieces(tokenizer)),
        ids=torch.tensor([token for row in ids for token in row] or [0]),
        tokenizer=tokenizer,
    )


def assumed(preset: Preset) -> Workload:
    """Where there is no data yet: texts of half the most tokens, and a picture or a video in every second post."""
    batch = preset.batch_size
    half = dict.fromkeys(preset.modalities, (batch + 1) // 2)
    shape = Shape(batch, max(1, preset.max_tokens // 2), half.get("image", 0), half.get("video", 0))
    table = torch.arange(preset.vocabulary * ASSUMED_GRAMS).view(preset.vocabulary, ASSUMED_GRAMS)
    return Workload(
        source=f"no snapshot: assumed are {ASSUMED_POSTS:,} posts of {shape.tokens} tokens, every second with a "
        "picture or a video where the preset looks at them",
        posts=ASSUMED_POSTS,
        validation=ASSUMED_VALIDATION,
        steps=-(-ASSUMED_POSTS // batch),
        epochs=_passes(preset, -(-ASSUMED_POSTS // batch)),
        policies=ASSUMED_POLICIES,
        shapes=(shape,),
        pieces=table % preset.vocabulary,
        ids=torch.arange(preset.vocabulary),
    )


def _passes(preset: Preset, steps: int) -> int:
    """As many as a run has of so many steps, see models.training.run."""
    return max(preset.epochs, -(-preset.minimum_steps // steps))


def _shapes(
    rows: SnapshotRows, preset: Preset, ids: list[list[int]], positions: np.ndarray
) -> tuple[Shape, ...]:
    """Batches of a block as models.data.loader cuts it: by length."""
    lengths = np.array([len(row) for row in ids])
    pictures, videos = (_present(rows, preset, positions, column) for column in ("image", "video"))
    order = np.argsort(lengths, kind="stable")
    batches = [order[at : at + preset.batch_size] for at in range(0, len(order), preset.batch_size)]
    return tuple(
        Shape(len(it), max(1, int(lengths[it].max())), int(pictures[it].sum()), int(videos[it].sum()))
        for it in batches
    )


def _present(rows: SnapshotRows, preset: Preset, positions: np.ndarray, column: str) -> np.ndarray:
    """Which of these rows have it; none of what the preset does not look at."""
    if column not in preset.modalities:
        return np.zeros(len(positions), bool)
    chunks = [positions[at : at + CHUNK] for at in range(0, len(positions), CHUNK)]
    return np.concatenate([rows.take(chunk, column)[column].is_valid().to_numpy() for chunk in chunks])
