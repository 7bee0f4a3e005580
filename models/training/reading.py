"""What is read in the pictures and videos of a snapshot before training: a file in the run's folder, made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.data.embeddings import Embeddings
from models.data.snapshot import SnapshotRows
from models.distributed.job import Job
from models.domain.content import Part
from models.process.atomic_write import whole_file, write_text
from models.readers.base.reading import SHOWS, Reading

READ, TOLD = "read.arrow", "read.json"
SPLITS_READ = ("train", "validation")  # that training looks at; a model reads what it scores itself
BLOCK_ROWS, FILM_ROWS = 128, 16  # whose pictures are in memory at once, and with videos


class WordsRead(BaseModel):
    """What came of it."""

    model_config = ConfigDict(frozen=True)

    posts: int = Field(description="with a picture or a video")
    with_words: int = Field(description="of those, in which words were read")
    failed: int = Field(description="of those, in which something could not be read")

    @classmethod
    def told(cls, folder: Path) -> WordsRead | None:
        """Of the run in a folder; None where it read nothing."""
        path = folder / TOLD
        return cls.model_validate_json(path.read_text()) if path.exists() else None

    def __str__(self) -> str:
        failed = f"; of {self.failed:,} not all could be read" if self.failed else ""
        return f"words were read in what {self.with_words:,} of {self.posts:,} posts show{failed}"


def kept_of(job: Job) -> Embeddings | None:
    """What was computed of contents before this job, where that is kept."""
    return Embeddings(job.embeddings, job.embeddings_options) if job.embeddings else None


def with_words(rows: SnapshotRows, job: Job) -> SnapshotRows:
    """The rows with what the preset's readers read in them, from the folder where an earlier run left it.

    Raises NoReaderError.
    """
    if not job.preset.reads:
        return rows
    path = job.folder / READ
    if not path.exists():
        _leave(rows, job, path)
    with pa.memory_map(str(path)) as source:  # several processes share its memory
        return replace(rows, read=pa.ipc.open_file(source).read_all()["read"])


def _leave(rows: SnapshotRows, job: Job, path: Path) -> None:
    reading = Reading.of_preset(job.preset.reads, job.threads, kept_of(job))
    assert reading is not None
    found = np.full(sum(rows.counts.values()), None, object)
    posts = failed = 0
    for places, blocks in _shown(rows, reading):
        words, missed = reading.of(*blocks, more=True)
        found[places] = [text or None for text in words]
        posts += sum(any(shown) for shown in zip(*blocks, strict=True))
        failed += sum(map(bool, missed))
    reading.keep()
    told = WordsRead(posts=posts, with_words=int(sum(text is not None for text in found)), failed=failed)
    write_text(job.folder / TOLD, told.model_dump_json())
    table = pa.table({"read": pa.array(found.tolist(), pa.string())})
    with whole_file(path) as aside, pa.ipc.new_file(str(aside), table.schema) as file:
        file.write_table(table)


def _shown(
    rows: SnapshotRows, reading: Reading
) -> Iterator[tuple[NDArray[np.int64], list[list[bytes | None]]]]:
    """Places of rows, and the pictures and the videos in them, as far as a reader looks at such."""
    positions = np.array([*chain.from_iterable(rows.positions(split) for split in SPLITS_READ)], np.int64)
    columns = [str(part) for part in SHOWS if reading.looks_at(part)]
    block = FILM_ROWS if Part.VIDEO in columns else BLOCK_ROWS
    for first in range(0, len(positions), block):
        places = positions[first : first + block]
        table = rows.take(places, *columns)
        nothing: list[bytes | None] = [None] * len(places)
        yield places, [table[part].to_pylist() if part in columns else nothing for part in map(str, SHOWS)]
