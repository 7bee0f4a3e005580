"""Batching: posts of many requests are scored together, whoever came while the last batch ran.

One queue a model for live posts and one for shadows. All models with live posts take turns in one round, so that a
challenger costs no more rounds; shadows are scored only while no live post waits, and are the first to be dropped.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from infra.gateway.errors import ApiError
from infra.gateway.rows import Row, Waiting

SHADOW_QUEUE = 256  # copies that may wait; more are dropped
SHADOWS = 8  # scored at once, for a live post that comes meanwhile waits for them
PACE = 0.1  # weight of the newest batch in the running mean of seconds a post


@dataclass
class Lane:
    """Posts that wait for one model."""

    live: deque[Waiting] = field(default_factory=deque)
    shadows: deque[Waiting] = field(default_factory=deque)


class Batcher:
    """`score` runs in a thread of its own, one batch at a time; `settle` gets what it returned, on the event loop."""

    def __init__(
        self,
        score: Callable[[list[Waiting]], list[Row]],
        settle: Callable[[list[Waiting], list[Row]], None],
        *,
        batch: int,
        capacity: int,
        patience: float,
    ) -> None:
        self._score, self._settle = score, settle
        self._batch, self._capacity, self._patience = batch, capacity, patience
        self._lanes: dict[str, Lane] = {}
        self._pace = 0.0  # seconds a post
        self.depth = 0  # live posts that wait
        self._thread = ThreadPoolExecutor(1, "scoring")
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Nothing may be waiting but shadows, which are let go."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self._thread.shutdown()

    def admit(self, posts: int) -> None:
        """Raises ApiError 503 where so many more posts would wait too long, before any work is spent on them."""
        wait = (self.depth + posts) * self._pace
        if self.depth + posts > self._capacity or (self.depth and wait > self._patience):
            raise ApiError(
                503,
                f"{self.depth} posts wait already; try again later",
                code="overloaded",
                retry_after=max(1, math.ceil(wait)),
            )

    def put(self, post: Waiting) -> None:
        self._lane(post).live.append(post)
        self.depth += 1
        self._arrived.set()

    def put_shadow(self, post: Waiting) -> bool:
        """Whether the copy will be scored."""
        shadows = self._lane(post).shadows
        if len(shadows) >= SHADOW_QUEUE:
            return False
        shadows.append(post)
        self._arrived.set()
        return True

    def _lane(self, post: Waiting) -> Lane:
        return self._lanes.setdefault(post.served.digest, Lane())

    def _next(self) -> list[Waiting]:
        """A batch of each model with live posts, one after the other; without any, shadows of one model."""
        live = [lane.live for lane in self._lanes.values() if lane.live]
        queues = live or [max((lane.shadows for lane in self._lanes.values()), key=len, default=deque())]
        most = self._batch if live else min(self._batch, SHADOWS)
        taken = [queue.popleft() for queue in queues for _ in range(min(most, len(queue)))]
        self.depth -= len(taken) if live else 0
        return taken

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = self._next()
            if not batch:
                self._lanes = {name: lane for name, lane in self._lanes.items() if lane.live or lane.shadows}
                self._arrived.clear()
                await self._arrived.wait()
                continue
            began = time.perf_counter()
            rows = await loop.run_in_executor(self._thread, self._score, batch)
            spent = (time.perf_counter() - began) / len(batch)
            self._pace += PACE * (spent - self._pace) if self._pace else spent
            self._settle(batch, rows)
