"""Reads what posts show, each content once: what is known is remembered, and kept in tables where there are some."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.data.decoding import shown
from models.data.embeddings import Embeddings
from models.data.kept_table import KeptTable, key_of
from models.data.pictures import BrokenPictureError
from models.data.said import MARK, segment
from models.data.video import BrokenVideoError
from models.domain.content import NotRead, Part, Unread
from models.readers import READERS
from models.readers.base.reader import Reader

log = logging.getLogger(__name__)

MAX_CHARACTERS = 2000  # that are kept of what one reader reads in one part of a post
REMEMBERED = 4096  # contents: 8 MB at most
CHUNK = 256  # contents that are read between two commits: what a killed run loses at most
OPEN = 4  # readers that a process keeps open for the models to come
SHOWS = (Part.IMAGE, Part.VIDEO)


class Found(NamedTuple):
    """What was read in one content; where that failed, what is missed of it, for people."""

    words: str = ""
    missed: str = ""
    reason: NotRead = NotRead.SKIPPED


Read = dict[tuple[str, Part], Found]
"""Of one post, by the names of readers and the parts that they looked at."""


class OpenReader:
    """A reader with its library loaded, and what it has read lately. Any thread may ask it. Raises NoReaderError."""

    def __init__(self, reader: Reader, threads: int) -> None:
        self.reader = reader
        self._lines = reader.opened(threads)
        self._known: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def remembered(self, key: str) -> str | None:
        """The words of the content with this key, where it was read lately."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def remember(self, key: str, words: str) -> None:
        with self._lock:
            self._known[key] = words
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def of_shown(self, key: str, part: Part, seen: NDArray[np.uint8]) -> Found:
        """Of content that was opened for the reader. One that its library falls over is told, and never fatal."""
        try:
            words = _words(self._lines(seen))
        except Exception as error:  # noqa: BLE001 - a library may fall over a picture in any way
            log.warning("reader failed", extra={"reader": self.reader.name, "error": f"{error!r}"[:300]})
            return Found(missed=f"words in the {part} could not be read: {self.reader.name} fell over it")
        self.remember(key, words)
        return Found(words)

    def of(self, key: str, part: Part, data: bytes) -> Found:
        words = self.remembered(key)
        if words is not None:
            return Found(words)
        try:
            (seen,) = shown(str(part), data, [self.reader.looks[part]])
        except (BrokenPictureError, BrokenVideoError):
            return Found(missed=f"the {part} cannot be opened", reason=NotRead.UNREADABLE)
        return self.of_shown(key, part, seen.pictures)


@lru_cache(OPEN)
def opened(reader: Reader, threads: int) -> OpenReader:
    """The models of a process that read alike share what is loaded. Raises NoReaderError."""
    return OpenReader(reader, threads)


@dataclass(frozen=True)
class Reading:
    """The readers of one preset, in its order; what they read is `kept` where that is given."""

    readers: tuple[OpenReader, ...]
    kept: Embeddings | None = None
    _new: dict[OpenReader, dict[str, str]] = field(default_factory=dict)  # words by key, not in a table yet

    @classmethod
    def of_preset(cls, reads: Iterable[str], threads: int, kept: Embeddings | None = None) -> Self | None:
        """None where a preset has no readers. `threads` 0 means all cores. Raises UnknownEntryError, NoReaderError."""
        readers = tuple(opened(READERS[name], threads) for name in reads)
        return cls(readers, kept) if readers else None

    def looks_at(self, part: str) -> bool:
        return any(part in it.reader.looks for it in self.readers)

    def of(
        self, images: Sequence[Any], videos: Sequence[Any] = (), *, more: bool = False
    ) -> tuple[list[str], list[list[Unread]]]:
        """What is read in each of N posts (models.data.said.segment), and what of it could not be.

        Only bytes are read: pixels were read by whoever opened them, if at all. Where `more` is to come, what is read
        is kept in chunks, the last of them by `keep`.
        """
        found: list[Read] = [{} for _ in images]
        given = {Part.IMAGE: images, Part.VIDEO: videos or [None] * len(images)}
        for reader in self.readers:
            for part in SHOWS:
                there = {post: item for post, item in enumerate(given[part]) if _is_content(item)}
                if part in reader.reader.looks:
                    read = self._read(reader, part, [*there.values()])
                    for post, one in zip(there, read, strict=True):
                        found[post][reader.reader.name, part] = one
        if not more:
            self.keep()
        told = [self.told(read) for read in found]
        return [words for words, _ in told], [missed for _, missed in told]

    def told(self, found: Read) -> tuple[str, list[Unread]]:
        """The same of one post, of which this was read: by the order of the readers, whoever else read in it."""
        ours = [
            (part, found[it.reader.name, part])
            for it in self.readers
            for part in SHOWS
            if (it.reader.name, part) in found
        ]
        missed = [Unread(part=part, reason=one.reason, detail=one.missed) for part, one in ours if one.missed]
        return segment(one.words for _, one in ours), missed

    def _read(self, reader: OpenReader, part: Part, items: Sequence[bytes]) -> list[Found]:
        keys = [key_of(item) for item in items]
        content = dict(zip(keys, items, strict=True))
        found = {key: Found(words) for key, words in self._recalled(reader, [*content]).items()}
        todo = [key for key in content if key not in found]
        new = self._new.setdefault(reader, {})
        for key in todo:
            found[key] = reader.of(key, part, content[key])
            if not found[key].missed:
                new[key] = found[key].words
            if len(new) >= CHUNK:
                self.keep()
        return [found[key] for key in keys]

    def _recalled(self, reader: OpenReader, keys: Sequence[str]) -> dict[str, str]:
        """The words of what is known."""
        known = {key: words for key in keys if (words := reader.remembered(key)) is not None}
        wanted = {key for key in keys if key not in known}
        if self.kept is None or not wanted:
            return known
        for batch in self._table(reader, self.kept).rows([*wanted]):
            rows = zip(batch["key"].to_pylist(), batch["words"].to_pylist(), strict=True)
            known |= {key: words for key, words in rows if key in wanted}
        for key in wanted & known.keys():
            reader.remember(key, known[key])
        return known

    def keep(self) -> None:
        """Put what was read into the tables."""
        schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("key", "words")])
        for reader, new in self._new.items():
            if self.kept is not None and new:
                table = self._table(reader, self.kept)
                table.add(pa.table([[*new], [*new.values()]], schema=schema))
                table.tidy()
            new.clear()

    @staticmethod
    def _table(reader: OpenReader, kept: Embeddings) -> KeptTable:
        return kept.beside(f"words-{reader.reader.name}-{reader.reader.edition}")


def read_in(part: Part, found: Mapping[str, Found]) -> Read:
    """What readers of these names read in one part of a post."""
    return {(name, part): one for name, one in found.items()}


def _is_content(item: Any) -> bool:
    """Empty bytes only say that there is something."""
    return isinstance(item, bytes) and bool(item)


def _words(lines: Iterable[str]) -> str:
    """Each line once, for the frames of a video show the same ones, in one line: folding joins letters over a break."""
    distinct = {" ".join(line.replace(MARK, " ").split()): None for line in lines}
    return " ".join(line for line in distinct if line)[:MAX_CHARACTERS]
