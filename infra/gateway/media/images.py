"""Images of requests: what their header says, what decoding them will cost, and their pixels as the models want them.

Dimensions are read before any pixel, so that a small file cannot unfold into gigabytes, nor take seconds unannounced.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infra.gateway.errors import ApiError
from models.data.media_limits import too_many_bytes
from models.data.pictures import BrokenPictureError, HugePictureError, header
from models.data.pixels import Shown, Sight, scaled
from models.domain.content import NotRead, Part, Unread
from models.readers.base.reading import Found

NANOSECONDS = {"JPEG": 10, "PNG": 20, "GIF": 20, "BMP": 10}  # a pixel takes to decode, measured
SLOWEST = 80  # nanoseconds a pixel of the other formats
A_ROW = 100  # nanoseconds more: a picture of one column and 50,000,000 rows takes six times as long as a square one


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a model is shown of an image, by the way that it looks at pictures, and what readers read in it, by name."""

    digest: bytes
    shown: dict[Sight, Shown]
    read: dict[str, Found] = field(default_factory=dict)

    def at(self, sight: Sight) -> NDArray[np.float32] | bytes:
        """What the model that looks so is given; one that looks at no pictures, that there is one."""
        return scaled(self.shown[sight].pictures) if sight in self.shown else b""

    def unread(self, sight: Sight) -> tuple[Unread, ...]:
        """What of it is not among that."""
        return skipped(Part.IMAGE, self.shown.get(sight))


def skipped(part: Part, shown: Shown | None) -> tuple[Unread, ...]:
    if shown is None or not shown.unseen:
        return ()
    return (Unread(part=part, reason=NotRead.SKIPPED, detail=shown.unseen),)


def digest_of(data: bytes) -> bytes:
    """By which an image that its caller gave no name is known again."""
    return hashlib.blake2b(data, digest_size=16).digest()


def seconds_of(data: bytes, param: str) -> float:
    """What decoding will take at most; raises ApiError 400 or 422 for what will not be decoded."""
    if told := too_many_bytes("image", data):
        raise too_large(f"the image has {told}", param)
    try:
        about = header(data)
    except HugePictureError as error:
        raise too_large(f"the image has {error}", param) from None
    except BrokenPictureError as error:
        raise refused(str(error), param) from None
    rows = about.height * about.decoded
    return (about.cost_pixels * NANOSECONDS.get(about.kind, SLOWEST) + rows * A_ROW) / 1e9


def refused(why: str, param: str) -> ApiError:
    return ApiError(400, f"the image cannot be read: {why}", code="invalid_image", param=param)


def too_large(message: str, param: str) -> ApiError:
    return ApiError(422, message, code="too_large", param=param)
