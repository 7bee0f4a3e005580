"""Images as the model sees them; training and serving both use this. Needs no torch."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
)  # what Pillow raises on broken files


def pixels(image: bytes | None, size: int) -> NDArray[np.float32] | None:
    """[3, size, size] in -1 to 1, squeezed to a square; None where there is no image or it cannot be read."""
    if not image:
        return None
    try:
        with Image.open(io.BytesIO(image)) as opened:
            opened.draft("RGB", (size, size))
            small = opened.convert("RGB").resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2)
    except UNREADABLE:
        return None
    scaled = np.asarray(small, dtype=np.float32) / 127.5 - 1
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def stacked(
    images: list[NDArray[np.float32] | None], size: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The images that are there [M, 3, S, S], and for each of N posts its place among them or -1, [N]."""
    present = [image for image in images if image is not None]
    index = np.full(len(images), -1, dtype=np.int64)
    index[[place for place, image in enumerate(images) if image is not None]] = np.arange(len(present))
    return np.stack(present) if present else np.zeros((0, 3, size, size), np.float32), index
