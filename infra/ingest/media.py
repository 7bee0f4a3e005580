"""Whether bytes are an image or a video that a model may open."""

from __future__ import annotations

from collections.abc import Callable

from infra.ingest.references import Fetch, named
from infra.ingest.reject import BadLineError
from models.data import video
from models.data.media_limits import too_many_bytes
from models.data.pictures import BrokenPictureError, HugePictureError, looked
from models.domain.errors import UserError

GLANCE = video.Watch(frames=2, size=32)  # enough to see whether it can be decoded
MEDIA_BYTES = 64 << 20  # of images and videos held at once, and one more


def medium(kind: str, reference: str | None, data: bytes | None, fetch: Fetch) -> bytes | None:
    """A row's image or video, given as bytes or named by `reference`, that can be opened; raises BadLineError."""
    checked = MEDIA[kind]
    try:
        found = checked(named(reference, kind, fetch)) if reference is not None else None
        return found if data is None else checked(data)
    except (BadLineError, MemoryError, UserError):
        raise
    except Exception:  # noqa: BLE001 - decoders raise whatever the bytes lead them to
        raise BadLineError(f"broken_{kind}", "no decoder takes it") from None


def checked_video(data: bytes) -> bytes:
    """The same bytes if a frame can be had of them; raises BadLineError."""
    if told := too_many_bytes("video", data):
        raise BadLineError("huge_video", told)
    try:
        video.clip(data, GLANCE)
    except video.BrokenVideoError as error:
        raise BadLineError("broken_video", str(error)) from None
    return data


def checked_image(data: bytes) -> bytes:
    """The same bytes if they decode to the end; their dimensions are read before any pixel. Raises BadLineError."""
    if told := too_many_bytes("image", data):
        raise BadLineError("huge_image", told)
    try:
        looked(data, GLANCE.size, lambda _: None)
    except HugePictureError as error:
        raise BadLineError("huge_image", str(error)) from None
    except BrokenPictureError as error:
        raise BadLineError("broken_image", str(error)) from None
    return data


MEDIA: dict[str, Callable[[bytes], bytes]] = {"image": checked_image, "video": checked_video}
