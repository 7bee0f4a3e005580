"""Images of requests: what their header says, what it will cost to decode them, and their pixels as the models want them.

Dimensions are read before any pixel, so that a small file cannot unfold into gigabytes, nor take seconds unannounced.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from infra.gateway.errors import ApiError
from models.content import Unread
from models.pixels import scaled

MAX_BYTES = 16 << 20
MAX_PIXELS = 50_000_000  # 150 MB decoded; a larger one is a decompression bomb or a mistake
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "AVIF")
NANOSECONDS = {"JPEG": 10, "MPO": 10, "PNG": 20, "GIF": 20, "BMP": 10}  # a pixel takes to decode, measured
SLOWEST = 80  # nanoseconds a pixel of the other formats
A_ROW = 100  # nanoseconds more: a picture of one column and 50,000,000 rows takes six times as long as a square one


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image by the size that a model wants it in, bytes [3, S, S]."""

    digest: bytes
    pixels: dict[int, NDArray[np.uint8]]
    unread: tuple[Unread, ...] = ()  # what was left out when it was opened

    def at(self, size: int) -> NDArray[np.float32]:
        """What the model of this size is given; the sizes are those of the standing that it was opened for."""
        return scaled(self.pixels[size])


def picture(data: bytes, arrays: dict[int, NDArray[np.uint8]]) -> Picture:
    return Picture(hashlib.blake2b(data, digest_size=16).digest(), arrays)


def seconds_of(data: bytes, param: str) -> float:
    """What decoding will take at most; raises ApiError 400 or 422 for what will not be decoded."""
    if len(data) > MAX_BYTES:
        raise too_large(f"the image has {len(data)} bytes, at most {MAX_BYTES}", param)
    width, height, kind = _header(data, param)
    if width * height > MAX_PIXELS:
        raise too_large(f"the image has {width} x {height} pixels, at most {MAX_PIXELS} in all", param)
    return (width * height * NANOSECONDS.get(kind, SLOWEST) + height * A_ROW) / 1e9


def refused(message: str, param: str) -> ApiError:
    return ApiError(400, message, code="invalid_image", param=param)


def too_large(message: str, param: str) -> ApiError:
    return ApiError(422, message, code="too_large", param=param)


def _header(data: bytes, param: str) -> tuple[int, int, str]:
    """Width, height and format; no pixel is decoded, and of an animation only the first frame is looked at."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning; ours is the lower bound
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return *image.size, image.format or ""
    except Image.DecompressionBombError:
        raise too_large(f"the image has more than {MAX_PIXELS} pixels", param) from None
    except Exception:  # noqa: BLE001 - decoders raise whatever the bytes lead them to
        raise refused(f"no image of a known kind: {', '.join(FORMATS)}", param) from None
