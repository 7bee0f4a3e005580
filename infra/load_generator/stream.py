"""Traffic beside something else: posts are sent from a thread for as long as that takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any, Self

from infra.load_generator.sender import Replayed, replay

POLL_SECONDS = 0.5  # seconds


class Stream:
    """Sends `rate` posts a second from when `begins` says so until the block is left; `found` is what came of them.

    After `seconds` of sending it calls `tired` instead. What the sender raises is raised again when the block is left.
    """

    def __init__(
        self,
        url: str,
        key: str,
        posts: Iterator[dict[str, Any]],
        *,
        rate: float,
        seconds: float,
        begins: Callable[[], bool],
        tired: Callable[[], object],
    ) -> None:
        self.url, self.key, self.posts, self.rate, self.seconds = url, key, posts, rate, seconds
        self.begins, self.tired = begins, tired
        self.found = Replayed()
        self._over = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="traffic")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._failed is not None and kind is None:
            raise self._failed

    def _run(self) -> None:
        try:
            while not self.begins():
                if self._over.wait(POLL_SECONDS):
                    return
            passing = takewhile(lambda _: not self._over.is_set(), self.posts)
            self.found = replay(
                self.url, self.key, passing, rate=self.rate, seconds=self.seconds, heard=lambda _: None
            )
            if not self._over.is_set():
                self.tired()
        except Exception as error:  # noqa: BLE001 - handed over to who started it
            self._failed = error
