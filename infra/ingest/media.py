"""Whether bytes are an image or a video that a model may open."""

from __future__ import annotations

import io
import warnings

from PIL import Image

from infra.ingest.reject import BadLineError
from models import video

MAX_BYTES = 16 << 20
MAX_PIXELS = 50_000_000  # 150 MB decoded; a larger one is a decompression bomb or a mistake
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")

GLANCE = video.Watch(frames=2, size=32)  # enough to see whether it can be decoded


def checked_video(data: bytes) -> bytes:
    """The same bytes if a frame can be had of them; raises BadLineError."""
    if len(data) > video.MAX_BYTES:
        raise BadLineError("huge_video", f"{len(data)} bytes, at most {video.MAX_BYTES}")
    try:
        video.clip(data, GLANCE)
    except video.BrokenVideoError as error:
        raise BadLineError("broken_video", str(error)) from None
    return data


def checked_image(data: bytes) -> bytes:
    """The same bytes if they decode to the end; their dimensions are read before any pixel. Raises BadLineError."""
    if len(data) > MAX_BYTES:
        raise BadLineError("huge_image", f"{len(data)} bytes, at most {MAX_BYTES}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning; ours is the lower bound
            _decode(data)
    except BadLineError:
        raise
    except Image.DecompressionBombError as error:
        raise BadLineError("huge_image", str(error)) from None
    except Exception as error:  # noqa: BLE001 - decoders raise whatever the bytes lead them to
        raise BadLineError("broken_image", f"{type(error).__name__}: {error}".replace("\n", " ")) from None
    return data


def _decode(data: bytes) -> None:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise BadLineError("huge_image", f"{width} x {height} pixels, at most {MAX_PIXELS} in all")
        image.load()
