"""Batches of a snapshot: streamed from Lance in shuffled blocks, sorted by length, made ahead in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from models.objective import judged
from models.pixels import pixels, stacked
from models.preset import Preset
from models.snapshot import SnapshotRows, matrix
from models.tokenizer import encode, padded

AHEAD = 4  # batches made before they are asked for
INPUTS = ("input_ids", "attention_mask", "pixels", "image_index")
DECODERS = 2  # threads; Pillow decodes without the interpreter's lock


class Batch(NamedTuple):
    """input_ids, attention_mask [N, T]; pixels [M, 3, S, S]; image_index [N]; targets (NaN unknown), weights [N, P]."""

    input_ids: Tensor
    attention_mask: Tensor
    pixels: Tensor
    image_index: Tensor
    targets: Tensor
    weights: Tensor

    @property
    def inputs(self) -> dict[str, Tensor]:
        """What the network takes."""
        return {name: getattr(self, name) for name in INPUTS}


@dataclass(frozen=True)
class Block:
    """Some rows with their texts as token ids, waiting to be cut into batches."""

    positions: NDArray[np.int64]
    ids: list[list[int]]
    targets: NDArray[np.float32]
    votes: NDArray[np.float32]


class SplitBatches:
    """One split as an iterable of batches; shuffled anew each epoch, from the seed and the epoch alone.

    Lightning saves `state_dict` with its checkpoints: a resumed epoch goes on at the next batch.
    """

    def __init__(
        self, rows: SnapshotRows, split: str, tokenizer: Tokenizer, preset: Preset, seed: int
    ) -> None:
        self.rows, self.tokenizer, self.preset, self.seed = rows, tokenizer, preset, seed
        self.positions = rows.positions(split)
        self.shuffle = split == "train"
        self.epoch = 0
        self.done = 0
        self._resumed = False

    def __len__(self) -> int:
        full, rest = divmod(len(self.positions), self.preset.block_rows)
        return full * -(-self.preset.block_rows // self.preset.batch_size) + -(
            -rest // self.preset.batch_size
        )

    def __iter__(self) -> Iterator[Batch]:
        start = self.done if self._resumed else 0
        self._resumed = False
        yield from ahead(self._epoch(self.epoch, start), AHEAD)

    def finished(self, batches: int) -> None:
        """So many batches of this epoch have been trained on; those fetched ahead of them have not."""
        self.done = batches
        if batches == len(self):
            self.epoch, self.done = self.epoch + 1, 0

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.done, self._resumed = state["epoch"], state["done"], True

    def _epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of one epoch from the `start`-th on; blocks before it are not read."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(self.positions) if self.shuffle else self.positions
        with ThreadPoolExecutor(DECODERS) as decoders:
            for first in range(0, len(order), self.preset.block_rows):
                block = order[first : first + self.preset.block_rows]
                count = -(-len(block) // self.preset.batch_size)
                turns = rng.permutation(count) if self.shuffle else np.arange(count)
                if start < count:
                    yield from self._cut(self._read(block), turns[start:], decoders)
                start = max(0, start - count)

    def _read(self, positions: NDArray[np.int64]) -> Block:
        positions = np.sort(positions)
        table = self.rows.take(positions, "text", "labels", "votes")
        width = len(self.rows.policies)
        ids = encode(self.tokenizer, table["text"].to_pylist(), self.preset.max_tokens)
        return Block(positions, ids, matrix(table["labels"], width), matrix(table["votes"], width))

    def _cut(self, block: Block, turns: NDArray[np.int64], decoders: ThreadPoolExecutor) -> Iterator[Batch]:
        by_length = np.argsort([len(row) for row in block.ids], kind="stable")
        for turn in turns:
            first = turn * self.preset.batch_size
            yield self._batch(block, by_length[first : first + self.preset.batch_size], decoders)

    def _batch(self, block: Block, chosen: NDArray[np.int64], decoders: ThreadPoolExecutor) -> Batch:
        input_ids, mask = padded([block.ids[row] for row in chosen])
        images, index = self._images(block.positions[chosen], decoders)
        targets, weights = judged(block.targets[chosen], block.votes[chosen], self.preset.unknown)
        arrays = (input_ids, mask, images, index, targets, weights)
        return Batch(*(torch.from_numpy(array) for array in arrays))

    def _images(
        self, positions: NDArray[np.int64], decoders: ThreadPoolExecutor
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        size = self.preset.image_size
        if "image" not in self.preset.modalities:
            return stacked([None] * len(positions), size)
        order = np.argsort(positions)
        found = self.rows.take(positions[order], "image")["image"].to_pylist()
        decoded = decoders.map(lambda image: pixels(image, size), found)
        placed: list[NDArray[np.float32] | None] = [None] * len(positions)
        for place, image in zip(order, decoded, strict=True):
            placed[place] = image
        return stacked(placed, size)


def ahead(batches: Iterable[Batch], depth: int) -> Iterator[Batch]:
    """The same batches, made in a thread; its exceptions are raised here. The thread ends with the iterator."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_produce, args=(batches, ready, stopped), name="batches", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


def _produce(
    batches: Iterable[Batch], ready: queue.Queue[Batch | BaseException | None], stopped: threading.Event
) -> None:
    def offer(item: Batch | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    try:
        if all(map(offer, batches)):
            offer(None)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the thread that asked
        offer(error)


class SnapshotData(pl.LightningDataModule):
    """The training and validation splits."""

    def __init__(self, rows: SnapshotRows, tokenizer: Tokenizer, preset: Preset, seed: int) -> None:
        super().__init__()
        self.train = SplitBatches(rows, "train", tokenizer, preset, seed)
        self.validation = SplitBatches(rows, "validation", tokenizer, preset, seed)

    def train_dataloader(self) -> SplitBatches:
        return self.train

    def val_dataloader(self) -> SplitBatches:
        return self.validation
