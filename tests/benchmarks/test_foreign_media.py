"""Ten thousand broken files of each kind: nothing but the documented errors, no hang, and bounded memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np
import pytest

from models.perceptual_hash import image_hashes
from models.pictures import BrokenPictureError, header, looked
from models.video import BrokenVideoError, Watch, about, clip
from tests.support.renderings import CLIPS, COLOURS, GREYS, mutated, scene

pytestmark = pytest.mark.benchmark

FILES = 10_000
MOST_SECONDS, MOST_GROWTH = 5.0, 1 << 30  # of one file, and bytes of all
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


@pytest.mark.parametrize("way", KINDS)
def test_broken_pictures(way):
    longest, grown = tried(KINDS[way], seen)
    print(f"\n{way}: the slowest of {FILES} took {longest:.3f} s; {grown >> 20} MiB more")
    assert longest < MOST_SECONDS
    assert grown < MOST_GROWTH


@pytest.mark.parametrize("way", FILMS)
def test_broken_videos(way):
    render = CLIPS[way]
    longest, grown = tried(render(**SMALL) if isinstance(render, partial) else render(), watched)
    print(f"\n{way}: the slowest of {FILES} took {longest:.3f} s; {grown >> 20} MiB more")
    assert longest < MOST_SECONDS
    assert grown < MOST_GROWTH
