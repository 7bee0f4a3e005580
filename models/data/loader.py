"""Batches of a snapshot: streamed from Lance in shuffled blocks, sorted by length, made ahead in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from models.data.augmentation import augmented
from models.data.labels import judged
from models.data.pixels import HALF_BYTE, picture, stacked
from models.data.snapshot import SnapshotRows, matrix
from models.data.tokenizer import encode, padded
from models.data.video import Watch, film
from models.data.words import Words, unmasked
from models.domain.preset import Modality, Preset
from models.process.ranks import Ranks

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

PREFETCHED_BATCHES = 4  # batches made before they are asked for
EMBEDDINGS = ("text_embedding", "picture_embedding")  # of frozen encoders, which are no part of the network
INPUTS = ("input_ids", "attention_mask", "pixels", "image_index", "frame_index", *EMBEDDINGS)
FRAME_CACHE_BYTES = 1 << 30  # bytes of frames that are kept from one epoch to the next
ALONE = Ranks()
NO_EMBEDDINGS: Mapping[str, NDArray[np.floating]] = MappingProxyType({})
DECODERS = 2  # threads; Pillow decodes without the interpreter's lock


class Batch(NamedTuple):
    """What the network takes (see models.network.network), and targets (NaN where unknown) and weights [N, P].

    `pixels` are bytes until they are on the device that computes: a quarter of the memory, and of what is moved.
    `total`, a scalar, is what the weighted losses are divided by, so that their mean over all processes and parts is
    the mean of the whole batch. Embeddings have no columns where no frozen encoder reads or looks beside the network.
    """

    input_ids: Tensor
    attention_mask: Tensor
    pixels: Tensor
    image_index: Tensor
    frame_index: Tensor
    text_embedding: Tensor
    picture_embedding: Tensor
    targets: Tensor
    weights: Tensor
    total: Tensor

    @property
    def inputs(self) -> dict[str, Tensor]:
        """What the network takes."""
        found = self.scaled
        return {name: getattr(found, name) for name in INPUTS}

    @property
    def scaled(self) -> Batch:
        """With pixels in -1 to 1, to the bit as models.data.pixels makes them on a processor."""
        if self.pixels.dtype is torch.uint8:
            return self._replace(pixels=self.pixels.float() / HALF_BYTE - 1)
        return self


@dataclass(frozen=True)
class Block:
    """Some rows with their texts as token ids, waiting to be cut into batches."""

    positions: NDArray[np.int64]
    ids: list[list[int]]
    has_media: NDArray[np.bool_]
    targets: NDArray[np.float32]
    votes: NDArray[np.float32]


class SplitBatches:
    """One split as an iterable of batches; shuffled anew each epoch, from the seed and the epoch alone.

    Each of several processes takes its share of every batch: as many posts as the others but for one, with pictures as
    without. So does each part of a batch whose parts are computed one after another. Where there is none left, it takes
    one of which nothing is known; and of several processes, one whose posts have no picture takes a blank one, whose
    result nobody looks at, so that all enter the same parts of the network.

    Lightning saves `state_dict` with its checkpoints: a resumed epoch goes on at the next batch.
    """

    def __init__(
        self,
        rows: SnapshotRows,
        split: str,
        tokenizer: Tokenizer,
        preset: Preset,
        seed: int,
        ranks: Ranks = ALONE,
        *,
        embeddings: Mapping[str, NDArray[np.floating]] = NO_EMBEDDINGS,
        words: Words | None = None,
    ) -> None:
        """`embeddings`: by name, [K, F] of the split's rows, one after another."""
        self.embeddings, self.words = embeddings, words
        self.rows, self.tokenizer, self.preset, self.seed = rows, tokenizer, preset, seed
        self.ranks = ranks
        self.positions = rows.positions(split)
        self.shuffle = split == "train"
        self.parts = preset.accumulate if self.shuffle else 1
        self.epoch = 0
        self.done = 0
        self._resumed = False
        self._kept: dict[int, NDArray[np.uint8] | None] = {}  # frames of videos by their rows
        self._room = FRAME_CACHE_BYTES

    def __len__(self) -> int:
        """Batches, or their parts where those are computed one after another."""
        return self.steps * self.parts

    @property
    def steps(self) -> int:
        full, rest = divmod(len(self.positions), self.preset.block_rows)
        return full * -(-self.preset.block_rows // self.preset.batch_size) + -(
            -rest // self.preset.batch_size
        )

    def __iter__(self) -> Iterator[Batch]:
        start = self.done if self._resumed else 0
        self._resumed = False
        yield from ahead(self._epoch(self.epoch, start), PREFETCHED_BATCHES)

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
                pieces = [(turn, part) for turn in turns.tolist() for part in range(self.parts)]
                if start < len(pieces):
                    yield from self._cut(
                        self._read(block, [self.seed, epoch, first]), pieces[start:], decoders
                    )
                start = max(0, start - len(pieces))

    def _read(self, positions: NDArray[np.int64], seed: list[int]) -> Block:
        """The seed draws which texts are changed: a block that is read again after a kill is the same."""
        positions = np.sort(positions)
        table = self.rows.take(positions, "text", "has_media", "labels", "votes")
        width = len(self.rows.policies)
        texts = table["text"].to_pylist()
        labels = matrix(table["labels"], width)
        if self.shuffle:
            texts = augmented(texts, labels, self.preset, np.random.default_rng(seed))
        ids = encode(self.tokenizer, unmasked(texts, self.words))
        has_media = table["has_media"].to_numpy()
        return Block(positions, ids, has_media, labels, matrix(table["votes"], width))

    def _cut(
        self, block: Block, pieces: list[tuple[int, int]], decoders: ThreadPoolExecutor
    ) -> Iterator[Batch]:
        by_length = np.argsort([len(row) for row in block.ids], kind="stable")
        for turn, part in pieces:
            first = turn * self.preset.batch_size
            chosen = by_length[first : first + self.preset.batch_size]
            # pictures first, so that those who share the batch have as many each: all wait for who has most
            chosen = chosen[np.argsort(~block.has_media[chosen], kind="stable")]
            yield self._batch(block, chosen, part, decoders)

    def _batch(
        self, block: Block, chosen: NDArray[np.int64], part: int, decoders: ThreadPoolExecutor
    ) -> Batch:
        targets, weights = judged(block.targets[chosen], block.votes[chosen], self.preset.unknown)
        shares = self.parts * self.ranks.world
        total = np.asarray(weights[~np.isnan(targets)].sum() / shares, np.float32)
        own = np.arange(len(chosen))[part * self.ranks.world + self.ranks.rank :: shares]
        if not len(own):
            own, targets, weights = np.zeros(1, np.int64), np.full_like(targets, np.nan), weights * 0
        chosen, targets, weights = chosen[own], targets[own], weights[own]
        input_ids, mask = padded([block.ids[row] for row in chosen])
        visible = self._visible(block.positions[chosen], decoders)
        embedded = (self._embedded(name, block.positions[chosen]) for name in EMBEDDINGS)
        arrays = (input_ids, mask, *visible, *embedded, targets, weights, total)
        tensors = map(torch.from_numpy, arrays)
        # what lies in pinned memory is copied to the device while the device works
        return Batch(*(tensor.pin_memory() if torch.cuda.is_available() else tensor for tensor in tensors))

    def _embedded(self, name: str, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """[N, F], F 0 where the split has no such embeddings."""
        if name not in self.embeddings:
            return np.zeros((len(positions), 0), np.float32)
        return self.embeddings[name][positions - self.positions[0]].astype(np.float32)

    def _visible(
        self, positions: NDArray[np.int64], decoders: ThreadPoolExecutor
    ) -> tuple[Bytes, Places, Places]:
        """Pictures and frames of these rows, and where each lies among them."""
        preset = self.preset
        nothing: list[Bytes | None] = [None] * len(positions)
        watch = partial(film, watch=Watch(preset.frames, preset.image_size, preset.sampling))
        images = self._decoded(positions, "image", partial(picture, size=preset.image_size), decoders)
        videos = self._watched(positions, watch, decoders)
        found, image, clip = stacked(
            images or nothing, videos or nothing, preset.image_size, preset.frames, np.uint8
        )
        if not len(found) and not self.ranks.alone:
            found = np.zeros((1, *found.shape[1:]), np.uint8)
        return found, image, clip

    def _watched(
        self,
        positions: NDArray[np.int64],
        watch: Callable[[bytes | None], Bytes | None],
        decoders: ThreadPoolExecutor,
    ) -> list[Bytes | None]:
        """Frames of these rows. Decoding costs more than a small network's step, so that what fits is kept as bytes."""
        missing = np.array([place for place in positions if int(place) not in self._kept], np.int64)
        decoded = self._decoded(missing, "video", watch, decoders) if len(missing) else []
        found = dict(zip(missing.tolist(), decoded, strict=False))  # nothing where videos are not watched
        for place, item in found.items():
            size = 0 if item is None else item.size
            if size <= self._room:
                self._room -= size
                self._kept[place] = item
        return [found[place] if place in found else self._kept.get(place) for place in positions.tolist()]

    def _decoded(
        self,
        positions: NDArray[np.int64],
        column: Modality,
        decode: Callable[[bytes | None], Bytes | None],
        decoders: ThreadPoolExecutor,
    ) -> list[Bytes | None]:
        """What the column holds of these rows; nothing where the preset does not look at it."""
        if column not in self.preset.modalities:
            return []
        order = np.argsort(positions)
        found = self.rows.take(positions[order], column)[column].to_pylist()
        placed: list[Bytes | None] = [None] * len(positions)
        for place, item in zip(order, decoders.map(decode, found), strict=True):
            placed[place] = item
        return placed


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

    def __init__(self, train: SplitBatches, validation: SplitBatches) -> None:
        super().__init__()
        self.train, self.validation = train, validation

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002 - Lightning's name
        """On the device, whatever is trained there."""
        return batch.scaled

    def train_dataloader(self) -> SplitBatches:
        return self.train

    def val_dataloader(self) -> SplitBatches:
        return self.validation
