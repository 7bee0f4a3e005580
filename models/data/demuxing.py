"""What lies in a video file: its packets, counted and timed without decoding one. Needs no torch.

The packets are believed, not what the header says of them: headers are wrong, or written before the end is known. The
demuxer is named by the first bytes, and can neither look for another nor open a file, a socket or a playlist.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import av
import numpy as np
from av.stream import Discard, Disposition
from numpy.typing import NDArray

from models.data.media_limits import MAX_FRAME_PIXELS, MAX_VIDEO_PACKETS, too_many_bytes

READABLE = "MP4, MOV, WebM, Matroska and GIF are read"
KINDS = {
    "mov": re.compile(rb"....(ftyp|moov|mdat|free|skip|wide|pnot|styp|uuid)", re.DOTALL),
    "matroska": re.compile(rb"\x1aE\xdf\xa3"),
    "gif": re.compile(rb"GIF8[79]a"),
}
OTHERS = {
    rb"....ftyp(hei[cxms]|hev[cxms]|mif1|avif)": "it is a picture",
    rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP|BM": "it is a picture",
    rb"RIFF....AVI ": "AVI is not read",
    rb"RIFF....WAVE|ID3|OggS|fLaC|\xff[\xfb\xf3\xf2]": "it is sound",
    rb"FLV": "FLV is not read",
    rb"G.{187}G": "MPEG transport streams are not read",
    rb"\0\0\x01[\xba\xb3]": "MPEG program streams are not read",
    rb"0&\xb2u\x8ef\xcf\x11": "WMV is not read",
    rb"v=0|#EXTM3U|ffconcat|<": "it is a playlist, not a video",
}

LIMITS = {"max_pixels": str(MAX_FRAME_PIXELS)}  # of a frame, whatever size the file names before
OPTIONS = {"protocol_whitelist": "none", "enable_drefs": "0", **LIMITS}
RATE = 25.0  # frames a second where nothing says


class BrokenVideoError(ValueError):
    """Bytes of which no frame can be had; the message says why."""


@dataclass(frozen=True)
class Track:
    """One stream of pictures. `packets` [N] in the order in which they are decoded; `times` [N] in seconds from the
    first, when each is shown; `keys` [N], whether decoding may begin there; `shown` [N], whether it is seen at all:
    what an edit list leaves out is decoded only. `start`: when the file shows the first; `seconds`: from then to the
    end of the last; `said`: how many frames the header names, 0 where it does not.
    """

    codec: str
    width: int
    height: int
    packets: list[Any]
    times: NDArray[np.float64]
    keys: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    start: float
    seconds: float
    said: int


@contextmanager
def opened(video: bytes) -> Iterator[Any]:
    """Its container; raises BrokenVideoError, whatever goes wrong inside too."""
    try:
        with av.open(
            io.BytesIO(video),
            format=kind(video),
            options=OPTIONS,
            metadata_errors="ignore",
            io_open=_refused,
        ) as container:
            yield container
    except BrokenVideoError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise whatever the bytes lead them to
        raise BrokenVideoError(f"no video: {_why(video, error)}") from None


def kind(video: bytes) -> str:
    """The demuxer's name; raises BrokenVideoError, with the true kind where it is a known one."""
    if not video:
        raise BrokenVideoError("no bytes")
    if told := too_many_bytes("video", video):
        raise BrokenVideoError(told)
    said = next((why for pattern, why in OTHERS.items() if re.match(pattern, video, re.DOTALL)), "")
    if not said:
        for name, pattern in KINDS.items():
            if pattern.match(video):
                return name
    raise BrokenVideoError(f"no video: {said or 'bytes of no known kind'}; {READABLE}")


def readable(container: Any) -> list[Any]:
    """Its streams of pictures that can be decoded; raises BrokenVideoError where there is none."""
    streams = container.streams.video
    if not streams:
        sound = " but sound" if container.streams.audio else ""
        raise BrokenVideoError(f"no pictures in it{sound}")
    found = [stream for stream in streams if stream.codec_context is not None]
    if not found:
        raise BrokenVideoError("its pictures are of a codec that is not known")
    for stream in found:
        stream.codec_context.options = LIMITS
    return found


def track(container: Any) -> Track:
    """The stream that a person is shown. Raises BrokenVideoError where there is none that can be decoded."""
    streams = readable(container)
    tracks = map(_track, streams, _packets(container, streams))
    _, best = max(zip(streams, tracks, strict=True), key=lambda pair: _rank(*pair))
    if not best.shown.any():
        raise BrokenVideoError("no frame in it")
    if best.width * best.height > MAX_FRAME_PIXELS:
        raise BrokenVideoError(f"{best.width} x {best.height} pixels, at most {MAX_FRAME_PIXELS} in all")
    return best


def reason(error: Exception) -> str:
    """A line of it."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__).replace("\n", " ")


def _why(video: bytes, error: Exception) -> str:
    if kind(video) == "mov" and b"moov" not in video:
        return "the file breaks off before the index of its frames (moov), without which none can be had"
    return reason(error)


def _refused(*_: Any) -> NoReturn:
    """What the demuxer is given in place of a file or an address that it asks for."""
    raise PermissionError("a video may not open anything")


def _packets(container: Any, streams: list[Any]) -> list[list[Any]]:
    """Of each stream, up to the end or to where the file breaks off."""
    found: dict[int, list[Any]] = {stream.index: [] for stream in streams}
    for stream in container.streams:
        if stream.index not in found:
            stream.discard = Discard.all
    left = MAX_VIDEO_PACKETS
    with suppress(Exception):  # what came before the break is there to be seen
        for packet in container.demux(streams):
            if packet.size:
                found[packet.stream_index].append(packet)
                left -= 1
            if left < 0:
                break
    if left < 0:
        raise BrokenVideoError(f"over {MAX_VIDEO_PACKETS} packets")
    return [found[stream.index] for stream in streams]


def _track(stream: Any, packets: list[Any]) -> Track:
    rate = float(stream.average_rate or 0) or RATE
    base = float(stream.time_base or 0) or 1 / rate
    times = np.array([np.nan if packet.pts is None else packet.pts * base for packet in packets], np.float64)
    if np.isnan(times).any():
        times = np.arange(len(packets)) / rate
    keys = np.array([packet.is_keyframe for packet in packets], np.bool_)
    keys[:1] = True
    shown = np.array([not packet.is_discard for packet in packets], np.bool_)
    start = seconds = 0.0
    if shown.any():
        start = float(times[shown].min())
        times = times - start
        last = int(np.flatnonzero(shown)[times[shown].argmax()])
        seconds = float(times[last] + ((packets[last].duration or 0) * base or 1 / rate))
    codec = stream.codec_context.name
    return Track(
        codec, stream.width, stream.height, packets, times, keys, shown, start, seconds, stream.frames
    )


def _rank(stream: Any, track: Track) -> tuple[bool, bool, bool, float, int]:
    """Which stream a person is shown: not a cover, a film before a still, one that is switched on, a long one."""
    said = Disposition(stream.disposition)
    cover = bool(said & (Disposition.attached_pic | Disposition.timed_thumbnails))
    films = int(track.shown.sum()) > 1
    return not cover, films, bool(said & Disposition.default), track.seconds, track.width * track.height
