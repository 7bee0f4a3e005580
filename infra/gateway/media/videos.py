"""Videos of requests: sent along, or named by a key under `gateway_video_uri`; what it will cost to decode them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infra.forms import FormError
from infra.gateway.errors import ApiError
from infra.gateway.media.images import skipped, too_large
from infra.objects import UnreachableError, store_at
from infra.settings import Settings
from models.data.media_limits import MAX_VIDEO_BYTES, too_many_bytes
from models.data.pixels import Shown, scaled
from models.data.video import BrokenVideoError, Watch, about
from models.domain.content import Part, Unread
from models.readers.base.reading import Found

NANOSECONDS = 8  # a pixel takes to decode, measured on H.264 and VP9
MIN_DECODE_SECONDS = 0.05  # seconds that any video takes


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """What a model is shown of a video, by the way that it watches, and what readers read in it, by name."""

    shown: dict[Watch, Shown]
    read: dict[str, Found] = field(default_factory=dict)

    def at(self, watch: Watch) -> NDArray[np.float32] | bytes:
        """What the model that watches so is given; of a video that nobody here watches, that there is one."""
        return scaled(self.shown[watch].pictures) if watch in self.shown else b""

    def unread(self, watch: Watch) -> tuple[Unread, ...]:
        """What of it is not among that."""
        return skipped(Part.VIDEO, self.shown.get(watch))


def seconds_of(data: bytes, param: str) -> float:
    """What decoding will take at most; raises ApiError 400 or 422 for what will not be decoded."""
    if told := too_many_bytes("video", data):
        raise too_large(f"the video has {told}", param)
    try:
        found = about(data)
    except BrokenVideoError as error:
        raise refused(str(error), param) from None
    return MIN_DECODE_SECONDS + found.cost_pixels * NANOSECONDS / 1e9


def refused(why: str, param: str) -> ApiError:
    return ApiError(400, f"the video cannot be read: {why}", code="invalid_video", param=param)


def stored(settings: Settings, key: str, param: str) -> bytes:
    """The video under a key; raises ApiError 400, 404 or 503. Blocks."""
    root = settings.gateway_video_uri
    if not root:
        message = "this gateway takes no keys: MODERATO_GATEWAY_VIDEO_URI says where they lie"
        raise ApiError(400, message, code="no_video_store", param=param)
    if key.startswith("/") or ".." in key.split("/"):
        raise ApiError(400, "a key may not lead out of its store", code="invalid_key", param=param)
    try:
        return store_at(settings, root).read(key, MAX_VIDEO_BYTES + 1)
    except (FormError, FileNotFoundError, IsADirectoryError):
        raise ApiError(404, f"no video under the key {key!r}", code="not_found", param=param) from None
    except (UnreachableError, OSError) as error:
        message = f"the store of videos is away: {type(error).__name__}"
        raise ApiError(503, message, code="unavailable", param=param) from None
