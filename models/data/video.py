"""Videos as a person sees them: a few frames with their times; training and serving both use this. Needs no torch.

Frames are taken where the time and the change between neighbours have passed evenly: `uniform` looks at the time alone,
`scenes` at the change as well, so that a still minute costs no more frames than it shows. They reach to the end of the
film, as its packets tell it, within a cost that is known before the first is decoded; what was not looked at is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.data import first_preprocessing
from models.data.demuxing import (
    BrokenVideoError,
    Track,
    opened,
    readable,
    reason,
    track,
)
from models.data.frames import Eye
from models.data.media_limits import (
    MAX_FRAME_PIXELS,
    MAX_FRAMES_IN_TURN,
    MAX_VIDEO_FRAMES,
    MAX_VIDEO_PIXELS,
    MAX_VIDEO_SECONDS,
)
from models.data.pixels import Shown, scaled
from models.data.sampling import evenly
from models.domain.preprocessing import PREPROCESSING

__all__ = [
    "About",
    "BrokenVideoError",
    "Clip",
    "Watch",
    "about",
    "clip",
    "film",
    "shown",
    "whole",
]

Sampling = Literal["uniform", "scenes"]
Places = NDArray[np.int64]

MAX_DELAY_PACKETS = 64  # packets that a decoder may take before it gives the frame of the first
SCENE_CANDIDATES = 96  # pictures that `scenes` chooses from


@dataclass(frozen=True)
class About:
    """What a video holds, before a frame is decoded: of the stream that is watched, as its packets tell it.

    `cost_pixels`: what is decoded of it at most.
    """

    codec: str
    width: int
    height: int
    seconds: float
    frames: int

    @property
    def decoded(self) -> int:
        """Frames that are decoded of it at most."""
        return min(
            self.frames, MAX_VIDEO_FRAMES, max(1, MAX_VIDEO_PIXELS // max(1, self.width * self.height))
        )

    @property
    def cost_pixels(self) -> int:
        return self.width * self.height * self.decoded


class Watch(NamedTuple):
    """How a model watches: so many frames, squeezed to squares of so many pixels a side."""

    frames: int
    size: int
    sampling: Sampling = "uniform"
    preprocessing: int = PREPROCESSING


@dataclass(frozen=True)
class Clip:
    """frames: [F, 3, S, S] in -1 to 1, squeezed to a square; seconds: [F], when each is shown.

    length: seconds of the whole video; unseen: what of it was not looked at, empty where nothing.
    """

    frames: NDArray[np.float32]
    seconds: NDArray[np.float32]
    length: float = 0.0
    unseen: str = ""

    @property
    def complete(self) -> bool:
        return not self.unseen


def about(video: bytes) -> About:
    """Raises BrokenVideoError for what is no video of a known kind, or is beyond the bounds."""
    with opened(video) as container:
        return _about(track(container))


def _about(found: Track) -> About:
    if found.seconds > MAX_VIDEO_SECONDS:
        raise BrokenVideoError(f"{found.seconds:.0f} seconds, at most {MAX_VIDEO_SECONDS:.0f}")
    return About(found.codec, found.width, found.height, found.seconds, int(found.shown.sum()))


def clip(video: bytes, watch: Watch) -> Clip:
    """Its frames, fewer of a video that has fewer. Raises BrokenVideoError."""
    seen = _watched(video, watch)
    return Clip(scaled(seen.pictures), seen.seconds, seen.length, seen.unseen)


def shown(video: bytes, watch: Watch) -> Shown:
    """What a model that watches so is shown of a video, [F, 3, S, S] as bytes; raises BrokenVideoError."""
    seen = _watched(video, watch)
    return Shown(seen.pictures, seen.unseen)


def film(video: bytes | None, watch: Watch) -> NDArray[np.uint8] | None:
    """The same as bytes, [F, 3, S, S]."""
    if not video:
        return None
    try:
        return _watched(video, watch).pictures
    except BrokenVideoError:
        return None


def whole(video: bytes, count: int, side: int) -> list[NDArray[np.uint8]]:
    """Frames in their own shape [H, W, 3], fewer of a video that has fewer, their larger side so many pixels at most:
    the first, and what `scenes` chooses. Raises BrokenVideoError.
    """
    with opened(video) as container:
        found = track(container)
        stretches = _stretches(found, _places(found, max(count, SCENE_CANDIDATES)), _about(found).decoded)
        seen = _looked_at(found, stretches)
        return _chosen(seen, Eye(side, whole=True), count, "scenes", first=True)[0][:count]


class _Seen(NamedTuple):
    """As a Clip, with pictures [F, 3, S, S] of bytes."""

    pictures: NDArray[np.uint8]
    seconds: NDArray[np.float32]
    length: float
    unseen: str


class _Stretch(NamedTuple):
    """Packets that are decoded one after the other: from a key frame on, at most so many, for what is shown then."""

    first: int
    most: int
    times: list[float]


def _watched(video: bytes, watch: Watch) -> _Seen:
    looks = watch.frames if watch.sampling == "uniform" else max(watch.frames, SCENE_CANDIDATES)
    with opened(video) as container:
        if watch.preprocessing < PREPROCESSING:
            pictures, times, chosen = _pictured(
                islice(
                    first_preprocessing.looked_at(container, readable(container)[0], looks),
                    first_preprocessing.MAX_FRAMES,
                ),
                watch,
            )
            return _Seen(pictures, times[chosen], float(times[-1]), "")
        found = track(container)
        stretches = _stretches(found, _places(found, looks), _about(found).decoded)
        pictures, times, chosen = _pictured(_looked_at(found, stretches), watch)
        return _Seen(pictures, times[chosen], found.seconds, _unseen(found, times.tolist(), watch.frames))


def _pictured(
    looked_at: Iterator[tuple[float, Any]], watch: Watch
) -> tuple[NDArray[np.uint8], NDArray[np.float32], Places]:
    """Pictures [F, 3, S, S] of the chosen among the frames that were looked at, when each of those was shown, and which
    are chosen.
    """
    eye = Eye(watch.size, watch.preprocessing)
    pictures, times, chosen = _chosen(looked_at, eye, watch.frames, watch.sampling)
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2)), times, chosen


def _chosen(
    looked_at: Iterator[tuple[float, Any]], eye: Eye, count: int, sampling: Sampling, *, first: bool = False
) -> tuple[list[NDArray[np.uint8]], NDArray[np.float32], Places]:
    """The same, each picture as the eye sees it; `first`: among them what is shown first, to which no change leads."""
    times, pictures, glimpses = [], [], []
    for time, frame in looked_at:
        times.append(time)
        pictures.append(eye.later(frame))
        if sampling == "scenes":
            glimpses.append(eye.glimpse(frame))
    if not times:
        raise BrokenVideoError("no frame in it can be decoded")
    chosen = evenly(len(times), glimpses, max(1, count - first))
    chosen = np.union1d([0], chosen) if first else chosen
    return [pictures[place]() for place in chosen], np.array(times, np.float32), chosen


def _places(found: Track, looks: int) -> Places:
    """Of the packets whose frames are shown in the middles of equal shares of the time, in the order of being shown.

    Where fewer frames lie there than looks, because some are shown for long, those between them fill up.
    """
    order = np.flatnonzero(found.shown)[np.argsort(found.times[found.shown], kind="stable")]
    middles = (np.arange(looks) + 0.5) / looks * found.seconds
    shown = found.times[order]
    near = min(NEAR_SECONDS, np.median(np.diff(shown)) / 2) if len(shown) > 1 else 0.0
    at = np.searchsorted(shown, middles + near - EARLY, side="right") - 1
    chosen = np.unique(at.clip(min=0))
    others = np.setdiff1d(np.arange(len(order)), chosen)
    more = min(looks - len(chosen), len(others))
    middles = ((np.arange(more) + 0.5) / max(more, 1) * len(others)).astype(np.int64)
    return order[np.union1d(chosen, others[middles])]


NEAR_SECONDS = 0.05  # seconds: a frame that follows so soon is as good, where it is nearer
EARLY = 1e-4  # seconds by which a frame may be late: times are rounded


def _stretches(found: Track, places: Places, budget: int) -> list[_Stretch]:
    """What is decoded so that these packets' frames are had. Where that is more than the budget, looks that share a key
    frame move towards it, evenly, so far that their share of the budget suffices.
    """
    times = found.times[places].tolist()
    if len(found.packets) <= min(budget, MAX_FRAMES_IN_TURN):
        return [_Stretch(0, len(found.packets), times)]
    entries = [_entry(found, place) for place in places.tolist()]
    made = []
    for first in sorted(set(entries)):
        own = [place for place, entry in zip(places.tolist(), entries, strict=True) if entry == first]
        most = max(1, budget * len(own) // len(places))
        if max(own) - first >= most:
            reached = np.sort(found.times[first : first + most][found.shown[first : first + most]])
            middles = ((np.arange(len(own)) + 0.5) / len(own) * len(reached)).astype(np.int64)
            made.append(_Stretch(first, most, np.unique(reached[middles]).tolist()))
        else:
            made.append(_Stretch(first, max(own) - first + 1, found.times[sorted(own)].tolist()))
    return made


def _entry(found: Track, place: int) -> int:
    """The last key frame from which this packet can be decoded: before it, and shown before it as well."""
    keys = np.flatnonzero(found.keys[: place + 1])
    usable = keys[found.times[keys] <= found.times[place]]
    return int(usable[-1]) if len(usable) else 0


def _looked_at(found: Track, stretches: Sequence[_Stretch]) -> Iterator[tuple[float, Any]]:
    """Times and frames, in the order of being shown; nothing of a stretch that cannot be decoded."""
    context = found.packets[0].stream.codec_context
    context.thread_count = 1  # clips are decoded beside each other
    left = MAX_VIDEO_PIXELS + MAX_FRAME_PIXELS
    for stretch in stretches:
        wanted, last = sorted(stretch.times), None
        for time, frame in _decoded(found, stretch):
            left -= frame.width * frame.height
            if left < 0:
                return
            last = time, frame
            if time + EARLY >= wanted[0]:
                yield last
                last, wanted = None, [other for other in wanted if other > time + EARLY]
            if not wanted:
                break
        if last:
            yield last


def _decoded(found: Track, stretch: _Stretch) -> Iterator[tuple[float, Any]]:
    """The frames of a stretch. A packet that is broken is passed over, as players do."""
    context = found.packets[0].stream.codec_context
    context.flush_buffers()
    base, count, broken = float(found.packets[0].time_base), 0, ""
    end = stretch.first + stretch.most + MAX_DELAY_PACKETS
    for packet in [*found.packets[stretch.first : end], None]:
        try:
            given = context.decode(packet)
        except Exception as error:  # noqa: BLE001 - decoders raise whatever the bytes lead them to
            given, broken = [], broken or reason(error)
        for frame in given:
            counted = float(found.times[min(stretch.first + count, len(found.times) - 1)])
            yield counted if frame.pts is None else frame.pts * base - found.start, frame
            count += 1
    if broken and not count and stretch.first == 0:
        raise BrokenVideoError(f"cannot be decoded: {broken}")


def _unseen(found: Track, times: Sequence[float], count: int) -> str:
    """What is not there, or the longest stretch that passed without a look where it is far longer than it has to be."""
    shown = np.sort(found.times[found.shown])
    after = np.append(shown, found.seconds)[np.searchsorted(shown, np.array(times) + EARLY)]
    gaps = [
        (end - start, start, end) for start, end in zip([0.0, *after], [*times, found.seconds], strict=True)
    ]
    length, start, end = max(gaps)
    if found.said > len(shown):
        return f"{found.said - len(shown)} of {found.said} frames that the file names are cut off or left out"
    if length <= SPARSE * found.seconds / count:
        return ""
    if end >= found.seconds:
        return f"nothing after second {start:.1f} of {found.seconds:.1f} was looked at"
    return f"nothing between seconds {start:.1f} and {end:.1f} of {found.seconds:.1f} was looked at"


SPARSE = 2  # times as long as it has to be
