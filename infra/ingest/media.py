"""Whether bytes are an image or a video that a model may open."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable

from infra.ingest.lines import BadLineError
from models import video
from models.pictures import MAX_BYTES, BrokenPictureError, HugePictureError, looked

GLANCE = video.Watch(frames=2, size=32)  # enough to see whether it can be decoded

Fetch = Callable[[str], bytes]  # the bytes of a path beside the file; raises BadLineError


def named(value: str, kind: str, fetch: Fetch) -> bytes:
    """The bytes that a row names: a path, which holds a dot, or base64, which never does; raises BadLineError."""
    encoded = value.partition(",")[2] if value.startswith("data:") else value
    if "." in encoded:
        return fetch(encoded)
    try:
        return b64decode(encoded, validate=True)
    except (Base64Error, ValueError) as error:
        raise BadLineError(f"broken_{kind}", f"neither a path nor base64: {error}") from None


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
        looked(data, GLANCE.size, lambda _: None)
    except HugePictureError as error:
        raise BadLineError("huge_image", str(error)) from None
    except BrokenPictureError as error:
        raise BadLineError("broken_image", str(error)) from None
    return data
