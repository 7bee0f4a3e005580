"""Perceptual hashes: 256 bits that stay nearly the same where a picture is edited. Needs no torch.

PDQ (Facebook, 2019, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm"): the picture is blurred
and taken at 64 x 64 places, and each of 16 x 16 low frequencies says whether it is above their median. vPDQ: a video is
the hashes of its frames. Hashes of pictures that show too little, of a quality below 50, tell nothing and are dropped.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.data.pictures import BrokenPictureError, looked
from models.data.video import BrokenVideoError, Watch, clip

BYTES = 32
LEAST_QUALITY = 50  # of 100
FRAMES = 32  # of a video at most

SIDE, FREQUENCIES, LARGEST = 64, 16, 512  # places a side, of which as many frequencies; pixels a side at most
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
GRADIENT = 90  # levels of 255 between neighbours that make one point of quality

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Hash:
    """`bits`, 32 bytes whose hexadecimal is PDQ's own; `quality` 0 to 100; `second` of a video, None of a picture."""

    bits: bytes
    quality: int
    second: float | None = None


def hashed(rgb: NDArray[np.uint8], second: float | None = None) -> Hash:
    """Of a picture [H, W, 3]."""
    small = _places(rgb.astype(np.float32) @ LUMA)
    found = DCT @ small @ DCT.T
    above = (found > np.median(found)).ravel()
    return Hash(np.packbits(above[::-1]).tobytes(), _quality(small), second)


def image_hashes(image: bytes | None) -> list[Hash]:
    """Of each frame that is looked at, one of a still picture; none where there is no image or it cannot be read."""
    if not image:
        return []
    with suppress(BrokenPictureError):
        return looked(image, LARGEST, lambda shown: hashed(np.asarray(_bounded(shown)))).made
    return []


def _bounded(shown: Image.Image) -> Image.Image:
    width, height = (min(LARGEST, side) for side in shown.size)
    return shown.resize((width, height), Image.Resampling.BILINEAR)


def video_hashes(video: bytes | None) -> list[Hash]:
    """Of frames at even times; none where there is no video or it cannot be read."""
    if not video:
        return []
    try:
        seen = clip(video, Watch(FRAMES, LARGEST // 4))
    except BrokenVideoError:
        return []
    frames = np.rint((seen.frames.transpose(0, 2, 3, 1) + 1) * 127.5).astype(np.uint8)
    return [hashed(frame, float(second)) for frame, second in zip(frames, seen.seconds, strict=True)]


def telling(hashes: list[Hash]) -> list[Hash]:
    """Those of a quality that tells something."""
    return [found for found in hashes if found.quality >= LEAST_QUALITY]


def _places(luma: Floats) -> Floats:
    """[H, W] blurred twice in each direction, as in the Jarosz filter, and taken at 64 x 64 places."""
    for _ in range(2):
        luma = _blurred(_blurred(luma).T).T
    rows, columns = (((np.arange(SIDE) + 0.5) * side / SIDE).astype(np.int64) for side in luma.shape)
    return luma[np.ix_(rows, columns)]


def _blurred(luma: Floats) -> Floats:
    """The mean over a window along the rows of [H, W], cut off at the edges."""
    length = luma.shape[1]
    window = -(-length // (2 * SIDE))
    ahead = (window + 2) // 2
    place = np.arange(length)
    first, end = (place + ahead - window).clip(min=0), (place + ahead).clip(max=length)
    sums = np.concatenate([np.zeros((len(luma), 1)), luma.cumsum(axis=1, dtype=np.float64)], axis=1)
    means: Floats = ((sums[:, end] - sums[:, first]) / (end - first)).astype(np.float32)
    return means


def _quality(small: Floats) -> int:
    """How much there is to tell: the gradients of the 64 x 64 places, at most 100."""
    steps = (np.trunc(np.diff(small, axis=axis) * 100 / 255) for axis in (0, 1))
    return min(100, int(sum(np.abs(step).sum() for step in steps) / GRADIENT))


def _dct() -> Floats:
    """[16, 64], without the constant component."""
    order, place = np.arange(1, FREQUENCIES + 1)[:, None], 2 * np.arange(SIDE) + 1
    return (np.sqrt(2 / SIDE) * np.cos(np.pi / (2 * SIDE) * order * place)).astype(np.float32)


DCT = _dct()
