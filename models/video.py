"""Videos as the model sees them: a few frames with their times; training and serving both use this. Needs no torch.

Frames are taken where the time and the change between neighbours have passed evenly: `uniform` looks at the time alone,
`scenes` at the change as well, so that a still minute costs no more frames than it shows.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Literal, NamedTuple

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from models.pixels import scaled

Sampling = Literal["uniform", "scenes"]

MAX_BYTES = 256 << 20
MAX_PIXELS = 8192 * 4320  # of a frame
MAX_SECONDS = 3600.0
MAX_FRAMES = 1500  # decoded one after the other; a longer video is entered at key frames
LOOKS = 96  # pictures that `scenes` chooses from
STEADY = 0.2  # share of the places that `scenes` gives to time
GLIMPSE = 48  # points on a side of the picture at which it looks for change
PLANAR = frozenset(f"yuv{kind}{parts}p" for kind in ("", "j") for parts in (420, 422, 444)) | {"nv12"}
ROOM = 64 << 20  # bytes of frames that wait for whether they are chosen
BYTES = 1.5  # of a pixel in most videos
KINDS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")


class BrokenVideoError(ValueError):
    """Bytes of which no frame can be had; the message says why."""


@dataclass(frozen=True)
class About:
    """What a video says of itself, before a frame is decoded; `seconds` is 0 where it does not say."""

    codec: str
    width: int
    height: int
    seconds: float


class Watch(NamedTuple):
    """How a model watches: so many frames, squeezed to squares of so many pixels a side."""

    frames: int
    size: int
    sampling: Sampling = "uniform"


@dataclass(frozen=True)
class Clip:
    """frames: [F, 3, S, S] in -1 to 1, squeezed to a square; seconds: [F], when each is shown."""

    frames: NDArray[np.float32]
    seconds: NDArray[np.float32]


def about(video: bytes) -> About:
    """Raises BrokenVideoError for what is no video of a known kind, or is beyond the bounds."""
    with _opened(video) as container:
        return _about(container)


def clip(video: bytes, watch: Watch) -> Clip:
    """Its frames, fewer of a video that has fewer. Raises BrokenVideoError."""
    pictures, seconds = _watched(video, watch)
    return Clip(scaled(pictures), seconds)


def frames(video: bytes | None, watch: Watch) -> NDArray[np.float32] | None:
    """The frames of a clip; None where there is no video or it cannot be read."""
    found = film(video, watch)
    return None if found is None else scaled(found)


def film(video: bytes | None, watch: Watch) -> NDArray[np.uint8] | None:
    """The same as bytes, [F, 3, S, S]."""
    if not video:
        return None
    try:
        return _watched(video, watch)[0]
    except BrokenVideoError:
        return None


def _watched(video: bytes, watch: Watch) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Frames [F, 3, S, S], and when each is shown [F]."""
    count, size, sampling = watch
    with _opened(video) as container:
        seconds = _about(container).seconds
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # clips are decoded beside each other
        looks = count if sampling == "uniform" else max(count, LOOKS)
        eye, times, pictures, glimpses = _Eye(size), [], [], []
        try:
            for time, frame in islice(_looked_at(container, stream, seconds, looks), MAX_FRAMES):
                times.append(time)
                pictures.append(eye.later(frame))
                if sampling == "scenes":
                    glimpses.append(eye.glimpse(frame))
            chosen = _chosen(len(times), glimpses, count) if times else np.zeros(0, np.int64)
            found = [pictures[place]() for place in chosen]
        except (FFmpegError, ValueError) as error:
            raise BrokenVideoError(f"cannot be decoded: {_reason(error)}") from None
    if not found:
        raise BrokenVideoError("no frame in it")
    return np.ascontiguousarray(np.stack(found).transpose(0, 3, 1, 2)), np.array(times, np.float32)[chosen]


class _Eye:
    """Squeezes the frames of a video to squares. What libswscale works out for frames of one size is kept for the next:
    a frame's own `to_ndarray` works it out anew, which takes longer than decoding the frame.
    """

    def __init__(self, size: int) -> None:
        self.size, self.room = size, float(ROOM)
        self._colours, self._greys = VideoReformatter(), VideoReformatter()

    def later(self, frame: Any) -> Callable[[], NDArray[np.uint8]]:
        """The frame's picture once it is asked for; made at once where too many frames wait."""
        self.room -= frame.width * frame.height * BYTES
        if self.room > 0:
            return partial(self.picture, frame)
        made = self.picture(frame)
        return lambda: made

    def picture(self, frame: Any) -> NDArray[np.uint8]:
        """[S, S, 3], turned as the video says it was held."""
        upright: NDArray[np.uint8] = np.rot90(
            self._squeezed(self._colours, frame, self.size, "rgb24"), round(frame.rotation / 90) % 4
        )
        return upright

    def glimpse(self, frame: Any) -> NDArray[np.uint8]:
        """What is enough to see change, [GLIMPSE, GLIMPSE]: points of the luma, where it is a plane of bytes."""
        if frame.format.name not in PLANAR or min(frame.width, frame.height) < GLIMPSE:
            return self._squeezed(self._greys, frame, GLIMPSE, "gray")
        luma = frame.planes[0]
        rows = np.frombuffer(luma, np.uint8).reshape(-1, luma.line_size)
        down, across = frame.height // GLIMPSE, frame.width // GLIMPSE
        return rows[: down * GLIMPSE : down, : across * GLIMPSE : across].copy()

    def _squeezed(self, scaler: VideoReformatter, frame: Any, size: int, kind: str) -> NDArray[np.uint8]:
        found = scaler.reformat(frame, width=size, height=size, format=kind, interpolation="AREA")
        return np.asarray(found.to_ndarray(), np.uint8)


def _opened(video: bytes) -> Any:
    if not video:
        raise BrokenVideoError("no bytes")
    if len(video) > MAX_BYTES:
        raise BrokenVideoError(f"{len(video)} bytes, at most {MAX_BYTES}")
    try:
        container = av.open(io.BytesIO(video), metadata_errors="ignore")
    except (FFmpegError, ValueError) as error:
        raise BrokenVideoError(f"no video: {_reason(error)}") from None
    if container.format.name not in KINDS:
        container.close()
        raise BrokenVideoError(f"a file of kind {container.format.name}; MP4 and WebM are read")
    return container


def _about(container: Any) -> About:
    if not container.streams.video:
        raise BrokenVideoError("holds no pictures")
    stream = container.streams.video[0]
    found = About(stream.codec_context.name, stream.width, stream.height, _seconds(container, stream))
    if found.width * found.height > MAX_PIXELS:
        raise BrokenVideoError(f"{found.width} x {found.height} pixels, at most {MAX_PIXELS} in all")
    if found.seconds > MAX_SECONDS:
        raise BrokenVideoError(f"{found.seconds:.0f} seconds, at most {MAX_SECONDS:.0f}")
    return found


def _seconds(container: Any, stream: Any) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def _looked_at(container: Any, stream: Any, seconds: float, looks: int) -> Iterator[tuple[float, Any]]:
    """Times and frames in the middles of equal shares of the time; every frame where it is not known.

    A long video is entered at the key frame before each.
    """
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


def _chosen(looks: int, glimpses: Sequence[NDArray[np.uint8]], count: int) -> NDArray[np.int64]:
    """Places of looks in the middles of `count` equal shares of time, and of change where there are glimpses of it."""
    passed = np.full(looks, 1 / looks)
    if glimpses:
        grey = np.stack(glimpses).astype(np.int16)
        change = np.abs(np.diff(grey, axis=0, prepend=grey[:1])).mean(axis=(1, 2))
        if change.sum() > 0:
            passed = STEADY * passed + (1 - STEADY) * change / change.sum()
    middles = (np.arange(count) + 0.5) / count
    return np.unique(np.searchsorted(np.cumsum(passed), middles).clip(max=looks - 1))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).replace("\n", " ")
