"""How fast clips are decoded and made ready, beside ffmpeg's own decoding of every frame; one thread each."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from models.video import Watch, clip

pytestmark = pytest.mark.benchmark

CLIPS = Path(__file__).parents[3] / "shared" / "data" / "fights"
LEAST = 0.8


def decoded(video: bytes) -> None:
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def seconds(work: Callable[[bytes], object], videos: list[bytes]) -> float:
    began = time.perf_counter()
    for video in videos:
        work(video)
    return time.perf_counter() - began


def test_decoding():
    if not CLIPS.is_dir():
        pytest.skip(f"needs the clips in {CLIPS}")
    videos = [file.read_bytes() for file in sorted(CLIPS.glob("*/*.mp4"))]
    bare = seconds(decoded, videos)
    print(f"\nffmpeg alone {len(videos) / bare:6.1f} clips/s")
    for watch in (Watch(8, 64), Watch(8, 224), Watch(8, 224, "scenes")):
        took = seconds(lambda video, watch=watch: clip(video, watch), videos)
        print(f"{watch}: {len(videos) / took:6.1f} clips/s, {bare / took:.2f} of it (at least {LEAST})")
