"""How long the words in pictures and videos take to read before a training."""

from __future__ import annotations

import time

import numpy as np

from models.data.snapshot import SnapshotRows
from models.domain.preset import Preset
from models.planning.workload import Workload
from models.readers import READERS
from models.readers.base.reading import SHOWS, Reading
from models.training.reading import SPLITS_READ

TRIED = 6  # posts that are read to say how long one takes
EACH = 2  # of how many posts one is assumed to show something, where there is no data yet


def reading_seconds(preset: Preset, work: Workload, rows: SnapshotRows | None, threads: int) -> float:
    """Of all posts that a training looks at: by a few of `rows` on this machine, else by what a reader says of itself.

    Raises NoReaderError.
    """
    if not preset.reads:
        return 0.0
    if rows is None:
        posts = (work.posts + work.validation) / EACH
        return posts * sum(READERS[name].seconds for name in preset.reads)  # a picture, or a minute of sound
    where = f"has_media AND split IN ({', '.join(map(repr, SPLITS_READ))})"
    count = rows.dataset.count_rows(filter=where)
    return count * _seconds_a_post(rows, preset, threads) if count else 0.0


def _seconds_a_post(rows: SnapshotRows, preset: Preset, threads: int) -> float:
    reading = Reading.of_preset(preset.reads, threads)
    assert reading is not None
    positions = rows.positions("train")
    showing = positions[rows.take(positions, "has_media")["has_media"].to_numpy()]
    if not len(showing):
        return 0.0
    tried = showing[np.linspace(0, len(showing) - 1, min(TRIED, len(showing)), dtype=np.int64)]
    table, begun = rows.take(tried, *map(str, SHOWS)), time.perf_counter()
    reading.of(*(table[part].to_pylist() for part in map(str, SHOWS)))
    return (time.perf_counter() - begun) / len(tried)
