"""What is heard in a video: its sound as 16-bit samples of one channel. Needs no torch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from av import AudioResampler
from numpy.typing import NDArray

from models.data.demuxing import opened

SOUND = "sound"  # tells this way of looking from those of models
BYTES = 2  # of a sample


class Sound(NamedTuple):
    """How a reader listens: to so many seconds from the beginning, in so many samples a second."""

    kind: str
    seconds: int
    rate: int


def of_video(data: bytes, sound: Sound) -> NDArray[np.uint8]:
    """[N, 2], the bytes of each sample; one that is silent where there is no sound, or none that can be decoded.

    What is broken ends the sound: what stands before it is heard. Raises BrokenVideoError for what is no video.
    """
    most, pieces, count = sound.seconds * sound.rate, [np.zeros(1, np.int16)], 0
    with opened(data) as container:
        resampler = AudioResampler(format="s16", layout="mono", rate=sound.rate)
        for piece in _decoded(container, resampler):
            pieces.append(piece)
            count += len(piece)
            if count >= most:
                break
    heard = np.concatenate(pieces[1:] or pieces)[:most]
    return np.ascontiguousarray(heard).view(np.uint8).reshape(-1, BYTES)


def samples(heard: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[N] in -1 to 1, of bytes [N, 2]."""
    whole = np.ascontiguousarray(heard).view(np.int16).ravel()
    return whole.astype(np.float32) / np.float32(1 << 15)


def _decoded(container: Any, resampler: AudioResampler) -> Any:
    """Pieces [n] of 16-bit samples, of the first stream of sound."""
    if not container.streams.audio:
        return
    try:
        for frame in container.decode(container.streams.audio[0]):
            for made in resampler.resample(frame):
                yield made.to_ndarray().ravel()
    except Exception:  # noqa: BLE001 - decoders raise whatever the bytes lead them to
        return
