"""Ten thousand broken files of each kind: nothing but the documented errors, no hang, and bounded memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from models.data.perceptual_hash import image_hashes
from models.data.pictures import BrokenPictureError, header, looked
from models.data.video import BrokenVideoError, Watch, about, clip
from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_most
from tests.support.renderings import CLIPS, COLOURS, GREYS, mutated, scene

FILES = 10_000
KINDS = {
    **{name: COLOURS[name](scene(1, (96, 72))) for name in COLOURS if not name.startswith("exif")},
    "exif 6": COLOURS["exif 6"](scene(1, (96, 72))),
    "grey of sixteen bits": GREYS["sixteen bits"](scene(1, (96, 72)).convert("L")),
}
SMALL = {"frames": 12, "sides": (48, 32)}
FILMS = ("mp4", "mov", "matroska", "webm of vp8", "webm of vp9", "motion jpeg", "mpeg-4 part 2", "ten bits")
FILMS += ("fragments", "cover first", "gif")


def seen(data: bytes) -> None:
    with suppress(BrokenPictureError):
        header(data)
        looked(data, 32, lambda image: np.asarray(image.resize((8, 8))))
    image_hashes(data)


def watched(data: bytes) -> None:
    with suppress(BrokenVideoError):
        about(data)
        clip(data, Watch(2, 16))


def tried(data: bytes, read: Callable[[bytes], None]) -> tuple[float, int]:
    """The longest that one took, in seconds, and by how many bytes the process grew."""
    before, longest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0.0
    for seed in range(FILES):
        began = time.perf_counter()
        read(mutated(data, seed))
        longest = max(longest, time.perf_counter() - began)
    return longest, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


SLOWEST = {
    what: Figure(
        name=f"the slowest of {FILES:,} broken {what} of each kind",
        beside="a limit",
        aim=at_most(5),
        unit="s",
    )
    for what in ("pictures", "videos")
}
GROWTH = {
    what: Figure(
        name=f"memory that {FILES:,} broken {what} of one kind leave",
        beside="a limit",
        aim=at_most(1024),
        unit="MiB",
    )
    for what in SLOWEST
}


def measure(folder: Path) -> Iterator[Seen | Table]:
    rows: list[tuple[str, ...]] = []
    for what, files in (("pictures", pictures()), ("videos", videos())):
        read = seen if what == "pictures" else watched
        tries = {way: tried(data, read) for way, data in files}
        rows += [(way, f"{longest:.3f}", f"{grown >> 20}") for way, (longest, grown) in tries.items()]
        slowest = max(tries, key=lambda way: tries[way][0])
        largest = max(tries, key=lambda way: tries[way][1])
        yield SLOWEST[what].seen(tries[slowest][0], slowest)
        yield GROWTH[what].seen(tries[largest][1] >> 20, largest)
    yield Table(columns=("kind", "slowest, s", "growth, MiB"), rows=tuple(rows))


def pictures() -> Iterator[tuple[str, bytes]]:
    yield from KINDS.items()


def videos() -> Iterator[tuple[str, bytes]]:
    for way in FILMS:
        render = CLIPS[way]
        yield way, render(**SMALL) if isinstance(render, partial) else render()


BENCH = Bench(
    figures=(*SLOWEST.values(), *GROWTH.values()),
    measure=measure,
    seeds=f"0 to {FILES - 1}",
    limit_seconds=4 * 3600,
)
