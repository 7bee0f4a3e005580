"""Images of requests: which may be opened, and their pixels as the models want them. Decoded off the event loop.

Dimensions are read before any pixel, so that a small file cannot unfold into gigabytes.
"""

from __future__ import annotations

import asyncio
import io
import re
import warnings
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from infra.gateway.errors import ApiError
from infra.gateway.remote import Fetcher
from models.content import Unread
from models.pixels import pixels

MAX_BYTES = 16 << 20
MAX_PIXELS = 50_000_000  # 150 MB decoded; a larger one is a decompression bomb or a mistake
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
DATA_URL = re.compile(r"data:image/(?P<format>[a-z.+-]+);base64,", re.ASCII)
NAMES = {"jpg": "JPEG", "x-ms-bmp": "BMP"}  # other names that data: URLs have for a format


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An encoded image with its pixels by the size that a model wants them in."""

    data: bytes
    pixels: dict[int, NDArray[np.float32]]
    unread: tuple[Unread, ...] = ()  # what was left out when it was opened

    def at(self, size: int) -> NDArray[np.float32] | bytes:
        """What the model of this size is given: it decodes for itself where it came after the request."""
        return self.pixels.get(size, self.data)


class Images:
    """Opens the images of one gateway in threads of its own; remote ones come through `fetcher`."""

    def __init__(self, fetcher: Fetcher, threads: int = 2) -> None:
        self.fetcher = fetcher
        self._threads = ThreadPoolExecutor(threads, "image")

    def close(self) -> None:
        self._threads.shutdown()

    async def at(self, url: str, param: str, sizes: Iterable[int]) -> Picture:
        """The image of a data: URL, or of an address on an allowed host; raises ApiError."""
        if not url.startswith("data:"):
            data = await asyncio.to_thread(self.fetcher.fetch, url, MAX_BYTES, param)
            return await self.opened(data, param, sizes)
        found = DATA_URL.match(url)
        if found is None:
            raise refused("a data: URL begins data:image/TYPE;base64, here", param)
        try:
            data = b64decode(url[found.end() :], validate=True)
        except (Base64Error, ValueError):
            raise refused("the image is no base64", param) from None
        return await self.opened(data, param, sizes, found["format"])

    async def opened(self, data: bytes, param: str, sizes: Iterable[int], said: str = "") -> Picture:
        """A picture that opens; `said` is the format that it was sent as. Raises ApiError 400 or 422."""
        if len(data) > MAX_BYTES:
            raise too_large(f"the image has {len(data)} bytes, at most {MAX_BYTES}", param)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _opened, data, param, tuple(sizes), said)


def refused(message: str, param: str) -> ApiError:
    return ApiError(400, message, code="invalid_image", param=param)


def too_large(message: str, param: str) -> ApiError:
    return ApiError(422, message, code="too_large", param=param)


def _opened(data: bytes, param: str, sizes: tuple[int, ...], said: str) -> Picture:
    width, height, kind = _header(data, param)
    if width * height > MAX_PIXELS:
        raise too_large(f"the image has {width} x {height} pixels, at most {MAX_PIXELS} in all", param)
    if said and NAMES.get(said, said.upper()) != kind:
        raise refused(f"the image was sent as {said} and is {kind}", param)
    decoded = {size: found for size in sizes if (found := pixels(data, size)) is not None}
    if len(decoded) < len(sizes):
        raise refused(f"the {kind} image is broken", param)
    return Picture(data, decoded)


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
