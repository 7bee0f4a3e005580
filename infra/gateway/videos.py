"""Videos of requests: sent along, or named by a key; decoded off the event loop as the models want to watch them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infra.gateway.errors import ApiError
from infra.objects import SCHEME, Objects, UnreachableError, split
from infra.settings import Settings
from models.content import Unread
from models.video import MAX_BYTES, BrokenVideoError, Watch, clip


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """An encoded video with its frames by the way that a model watches."""

    data: bytes
    frames: dict[Watch, NDArray[np.float32]]
    unread: tuple[Unread, ...] = ()  # what was left out when it was opened

    def at(self, watch: Watch) -> NDArray[np.float32] | bytes:
        """What the model that watches so is given: it decodes for itself where it came after the request."""
        return self.frames.get(watch, self.data)


class Videos:
    """Opens the videos of one gateway in threads of its own; keys lie under `gateway_video_uri`."""

    def __init__(self, settings: Settings, threads: int = 2) -> None:
        self.settings = settings
        self._threads = ThreadPoolExecutor(threads, "video")

    def close(self) -> None:
        self._threads.shutdown()

    async def opened(self, data: bytes, param: str, watches: Iterable[Watch]) -> Film:
        """A video of which frames can be had; raises ApiError 400 or 422."""
        if len(data) > MAX_BYTES:
            raise ApiError(422, f"the video has over {MAX_BYTES} bytes", code="too_large", param=param)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _opened, data, param, tuple(watches))

    async def stored(self, key: str, param: str, watches: Iterable[Watch]) -> Film:
        """The video under a key; raises ApiError 400, 404, 422 or 503."""
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(self._threads, self._read, key, param)
        return await self.opened(data, param, watches)

    def _read(self, key: str, param: str) -> bytes:
        root = self.settings.gateway_video_uri
        if not root:
            message = "this gateway takes no keys: MODERATO_GATEWAY_VIDEO_URI says where they lie"
            raise ApiError(400, message, code="no_video_store", param=param)
        if key.startswith("/") or ".." in key.split("/"):
            raise ApiError(400, "a key may not lead out of its store", code="invalid_key", param=param)
        try:
            return _bytes(self.settings, root.rstrip("/"), key)
        except (FileNotFoundError, IsADirectoryError):
            raise ApiError(404, f"no video under the key {key!r}", code="not_found", param=param) from None
        except (UnreachableError, OSError) as error:
            message = f"the store of videos is away: {type(error).__name__}"
            raise ApiError(503, message, code="unavailable", param=param) from None


def _bytes(settings: Settings, root: str, key: str) -> bytes:
    if root.startswith(SCHEME):
        bucket, prefix = split(root)
        return Objects(settings, bucket).read(f"{prefix}/{key}" if prefix else key, MAX_BYTES + 1)
    path = Path(root) / key
    if not path.resolve().is_relative_to(Path(root).resolve()):
        raise FileNotFoundError(key)
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _opened(data: bytes, param: str, watches: tuple[Watch, ...]) -> Film:
    try:
        return Film(data, {watch: clip(data, watch).frames for watch in watches})
    except BrokenVideoError as error:
        raise ApiError(400, f"the video cannot be read: {error}", code="invalid_video", param=param) from None
