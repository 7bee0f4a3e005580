"""How pictures and videos were read by preprocessing 1: bundles of that version are served as they were trained.

Pictures: no depth is scaled, no transparency laid on white, nothing turned, the first frame only. Videos: the first
stream, for as long as the header says.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_FRAMES = 1500


def picture(image: bytes, size: int) -> NDArray[np.uint8] | None:
    """[3, size, size]; None where it cannot be read."""
    with suppress(Exception), Image.open(io.BytesIO(image)) as opened:
        opened.draft("RGB", (size, size))
        small = opened.convert("RGB").resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2)
        return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))
    return None


def _seconds(container: Any, stream: Any) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def looked_at(container: Any, stream: Any, looks: int) -> Iterator[tuple[float, Any]]:
    """Times and frames in the middles of equal shares of the time; every frame where it is not known.

    A long video is entered at the key frame before each.
    """
    stream.codec_context.thread_count = 1
    seconds = _seconds(container, stream)
    targets = iter(((np.arange(looks) + 0.5) / looks * seconds).tolist())
    half = 0.5 / float(stream.average_rate or 25)
    if seconds * float(stream.average_rate or 25) > MAX_FRAMES:
        for target in targets:
            container.seek(int(target / stream.time_base), stream=stream)
            yield from ((frame.time or 0.0, frame) for frame in islice(container.decode(stream), 1))
        return
    target = next(targets, 0.0) if seconds else 0.0
    for frame in container.decode(stream):
        time = frame.time or 0.0
        if time + half < target:
            continue
        yield time, frame
        while seconds and target <= time + half:
            target = next(targets, math.inf)
        if target == math.inf:
            return
