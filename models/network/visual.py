"""Frozen encoders of pictures and videos: what the blocks of models.layers.visual are made of, for the lake to keep."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from models.data.embeddings import Embeddings
from models.data.loader import DECODERS
from models.data.pixels import HALF_BYTE, picture, stacked
from models.data.snapshot import SnapshotRows
from models.data.video import Watch, film
from models.domain.preset import Preset
from models.layers.visual import Visual

BATCH_PICTURES = 64  # that are embedded at once, as far as one post does not have more
COLUMNS: tuple[Literal["image"], Literal["video"]] = ("image", "video")
READ_POSTS, READ_FILMS = 256, 16  # posts of a snapshot, read at once, and where their videos are
WAY = 1  # how a vector is made of maps; another number where that changes


@dataclass(frozen=True)
class VisualEncoder:
    """models.data.embeddings.Encodes, of the pictures or of the videos of posts."""

    column: Literal["image", "video"]
    visual: Visual
    digest: str
    watch: Watch

    @classmethod
    def of(cls, visual: Visual, preset: Preset) -> list[VisualEncoder]:
        """One for each of pictures and videos that the preset looks at."""
        watch = Watch(preset.frames, preset.image_size, preset.sampling)
        weights = _digest(visual)
        found: list[VisualEncoder] = []
        for column in COLUMNS:
            if column in preset.modalities:
                about = watch if column == "video" else watch.size
                told = f"{weights}\0{column}\0{about}\0{WAY}"
                digest = hashlib.sha256(told.encode()).hexdigest()
                found.append(cls(column, Visual(visual.maps, (column,)), digest, watch))
        return found

    @property
    def width(self) -> int:
        return self.visual.width

    @torch.inference_mode()
    def __call__(self, items: Sequence[str | bytes | None], /) -> NDArray[np.float32]:
        """[N, width]; zeros for what is missing or cannot be opened."""
        found = np.zeros((len(items), self.width), np.float32)
        at_once = max(1, BATCH_PICTURES // (self.watch.frames if self.column == "video" else 1))
        with ThreadPoolExecutor(DECODERS) as decoders:
            for first in range(0, len(items), at_once):
                given = [item if isinstance(item, bytes) else None for item in items[first : first + at_once]]
                pixels, *places = self._opened(given, decoders)
                if len(pixels):
                    seen = torch.from_numpy(pixels).float() / HALF_BYTE - 1
                    found[first : first + at_once] = self.visual(seen, *map(torch.from_numpy, places)).numpy()
        return found

    def _opened(
        self, given: list[bytes | None], decoders: ThreadPoolExecutor
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """As models.data.pixels.stacked."""
        nothing: list[NDArray[np.uint8] | None] = [None] * len(given)
        if self.column == "video":
            films = list(decoders.map(partial(film, watch=self.watch), given))
            return stacked(nothing, films, self.watch.size, self.watch.frames, np.uint8)
        pictures = list(decoders.map(partial(picture, size=self.watch.size), given))
        return stacked(pictures, nothing, self.watch.size, self.watch.frames, np.uint8)


@dataclass(frozen=True)
class Looking:
    """What a frozen encoder says of a snapshot's pictures and videos, computed once where it is `kept`."""

    rows: SnapshotRows
    visual: Visual
    encoders: list[VisualEncoder]
    kept: Embeddings | None = None

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """[N, F] of the rows at these places."""
        return np.concatenate([np.zeros((0, self.visual.width), np.float32), *self._parts(positions)])

    def _parts(self, positions: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
        size = READ_FILMS if any(encoder.column == "video" for encoder in self.encoders) else READ_POSTS
        for first in range(0, len(positions), size):
            chosen = positions[first : first + size]
            table = self.rows.take(chosen, *(encoder.column for encoder in self.encoders))
            parts = []
            for encoder in self.encoders:
                items = table[encoder.column].to_pylist()
                parts.append(encoder(items) if self.kept is None else self.kept.of(items, encoder))
            yield np.concatenate(parts, axis=1)


def _digest(visual: Visual) -> str:
    """Of the encoder's weights and of what is no weight: how pixels are scaled, and which network it is."""
    digest = hashlib.sha256(f"{visual}\0{version('timm')}\0{torch.__version__}".encode())
    for name, tensor in (*visual.named_parameters(), *visual.named_buffers()):
        digest.update(name.encode() + tensor.detach().numpy().tobytes())
    return digest.hexdigest()
