"""Batching: posts of many requests are scored together, whoever came while the last batch ran.

API keys take turns: the next batch has a post of each that waits before it has another of the same.

One queue a model for live posts and one for shadows. All models with live posts take turns in one round, so that a
challenger costs no more rounds; shadows are scored only while no live post waits, and are the first to be dropped.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from infra.gateway.errors import ApiError
from infra.gateway.models.rows import Row, Waiting

SHADOW_QUEUE = 256  # copies that may wait; more are dropped
SHADOWS = 8  # scored at once, for a live post that comes meanwhile waits for them
A_KEY = 0.75  # of the capacity, that one key's posts may take
PACE = 0.1  # weight of the newest batch in the running mean of seconds a post


class Queue:
    """Posts that wait, by the API key that asked for them."""

    def __init__(self) -> None:
        self._of: OrderedDict[str | None, deque[Waiting]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._of)

    def append(self, post: Waiting) -> None:
        key = post.content.key_id
        if key not in self._of:
            self._of[key] = deque()
        self._of[key].append(post)

    def take(self, most: int) -> list[Waiting]:
        """At most so many, of each key in turn."""
        taken: list[Waiting] = []
        while self._of and len(taken) < most:
            key, posts = self._of.popitem(last=False)
            taken.append(posts.popleft())
            if posts:
                self._of[key] = posts  # last in the row now
        return taken


@dataclass
class Lane:
    """Posts that wait for one model."""

    live: Queue = field(default_factory=Queue)
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
        self._of: Counter[str | None] = Counter()  # the same by key
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

    def admit(self, posts: int, key: str | None = None) -> None:
        """Before any work is spent on them: raises ApiError 503 where so many more posts would wait too long, and 429
        where that is because of the key's own.
        """
        own = self._of[key] + posts
        wait = min(self.depth + posts, own * max(1, len(self._of))) * self._pace
        again = max(1, math.ceil(wait))
        if self.depth + posts > self._capacity or (self.depth and wait > self._patience):
            message = f"{self.depth} posts wait already; try again later"
            raise ApiError(503, message, code="overloaded", retry_after=again)
        if own > self._capacity * A_KEY:
            message = f"{own - posts} posts of this key wait already; try again later"
            raise ApiError(429, message, code="rate_limited", retry_after=again)

    def put(self, post: Waiting) -> None:
        self._lane(post).live.append(post)
        self._of[post.content.key_id] += 1
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
        taken = [post for lane in self._lanes.values() for post in lane.live.take(self._batch)]
        if taken:
            self.depth -= len(taken)
            self._of.subtract(post.content.key_id for post in taken)
            self._of = +self._of  # keys of which none waits any more
            return taken
        shadows = max((lane.shadows for lane in self._lanes.values()), key=len, default=deque())
        return [shadows.popleft() for _ in range(min(SHADOWS, self._batch, len(shadows)))]

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
