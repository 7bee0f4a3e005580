"""How fast clips are decoded and made ready, beside ffmpeg's own decoding of every frame; one thread each."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av

from models.data.video import Watch, clip
from tests.benchmarks.frame import Bench, Figure, Seen, at_least, shared_data

WATCHES = {
    "8 frames of 64 pixels": Watch(8, 64),
    "8 frames of 224 pixels": Watch(8, 224),
    "8 frames of 224 pixels by `scenes`": Watch(8, 224, "scenes"),
}
RATES = {
    name: Figure(
        name=f"clips made ready in {name}",
        beside="ffmpeg's decoding alone, clips a second",
        aim=at_least(0.8),
    )
    for name in WATCHES
}


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


def measure(folder: Path) -> Iterator[Seen]:
    videos = [file.read_bytes() for file in sorted(shared_data("fights").glob("*/*.mp4"))]
    bare = seconds(decoded, videos)
    for name, watch in WATCHES.items():
        took = seconds(lambda video, watch=watch: clip(video, watch), videos)
        rates = f"{len(videos) / took:.1f} clips/s beside {len(videos) / bare:.1f}"
        yield RATES[name].seen(bare / took, rates)


BENCH = Bench(figures=tuple(RATES.values()), measure=measure)
