"""Work off the event loop that keys take turns at: what it will cost is known before it begins, and bounded.

Each kind of work has threads of its own, so that a slow host of pictures stops no look-up. Of the keys with work that
waits, the one goes next that has had least: a backlog is waited for by the key that made it.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from infra.gateway.errors import ApiError

Made = TypeVar("Made")


class Budget:
    """Cost that one key, and all keys together, may have under way."""

    def __init__(self, a_key: float, in_all: float, what: str) -> None:
        self.a_key, self.in_all, self.what = a_key, in_all, what
        self._of: defaultdict[str, float] = defaultdict(float)
        self._all = 0.0

    @contextmanager
    def admitted(self, key: str, cost: float, param: str | None = None) -> Iterator[Callable[[float], None]]:
        """Holds so much while inside; what it gives takes the cost as it grows.

        Both raise ApiError 422 where it is too much ever, 429 or 503 where it is now.
        """
        held = 0.0

        def grown(to: float) -> None:
            nonlocal held
            self._take(key, held, to, param)
            held = to

        grown(cost)
        try:
            yield grown
        finally:
            self._all -= held
            self._of[key] -= held
            if self._of[key] <= 0:
                del self._of[key]

    def _take(self, key: str, held: float, to: float, param: str | None) -> None:
        self._check(self._of.get(key, 0.0) - held, self._all - held, to, param)
        self._of[key] += to - held
        self._all += to - held

    def _check(self, others: float, everyone: float, cost: float, param: str | None) -> None:
        """`others`: what the key has under way besides; `everyone`: what all keys have."""
        if cost > self.a_key:
            message = f"{cost:.3g} {self.what} in one request, at most {self.a_key:g}; send several"
            raise ApiError(422, message, code="too_large", param=param)
        if others > 0 and others + cost > self.a_key:
            message = (
                f"{others:.3g} {self.what} of this key are under way, {self.a_key:g} may be; try again later"
            )
            raise ApiError(429, message, code="rate_limited", retry_after=1)
        if everyone > 0 and everyone + cost > self.in_all:
            message = f"{everyone:.3g} {self.what} are under way, {self.in_all:g} may be; try again later"
            raise ApiError(503, message, code="overloaded", retry_after=1)


@dataclass(slots=True, eq=False)
class Job:
    """Work that waits; `done` gets what it makes."""

    key: str
    cost: float
    work: Callable[[], Any]
    done: asyncio.Future[Any]


@dataclass(slots=True)
class Share:
    """What one key has waiting, running, and has had."""

    had: float
    waiting: deque[Job] = field(default_factory=deque)
    running: int = 0


class Turns:
    """`threads` that run blocking work, at most `each` pieces of one key at a time. Belongs to one event loop.

    `ahead`: cost up to which the threads are given work before they are free: those who wait for the loop between two
    short pieces take longer for that than for the pieces. Whoever comes later waits for it, whatever its key.
    """

    def __init__(self, name: str, threads: int, each: int, patience: float, ahead: float = 0.0) -> None:
        self.name, self.patience, self._ahead = name, patience, ahead
        self._given = 0.0  # cost of what the threads have
        self._free, self._each = threads, each
        self._threads = ThreadPoolExecutor(threads, name)
        self._shares: dict[str, Share] = {}
        self._now = 0.0  # what the key that went last had had: a new one begins there

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    async def run(self, key: str, work: Callable[[], Made], cost: float = 1.0) -> Made:
        """What the work returns or raises; raises ApiError 503 where it did not end in `patience` seconds."""
        job = Job(key, cost, work, asyncio.get_running_loop().create_future())
        share = self._shares.setdefault(key, Share(self._now))
        if not share.waiting and not share.running:
            share.had = max(share.had, self._now)  # what others had while it was away is not owed to it
        share.waiting.append(job)
        self._begin()
        try:
            async with asyncio.timeout(self.patience):
                made: Made = await job.done
        except TimeoutError:
            message = f"the {self.name} work was not done within {self.patience:g} s; try again later"
            raise ApiError(503, message, code="overloaded", retry_after=math.ceil(self.patience)) from None
        return made

    def refund(self, key: str, cost: float) -> None:
        """The key's work has cost so much less than was taken for it."""
        if key in self._shares:
            self._shares[key].had -= cost

    def _begin(self) -> None:
        """Start what may run now."""
        while (share := self._next()) is not None and self._takes(share.waiting[0]):
            job = share.waiting.popleft()
            if job.done.done():  # nobody waits for it any more
                self._forget(job.key)
                continue
            self._now = max(self._now, share.had)
            share.had += job.cost
            share.running += 1
            self._free -= 1
            self._given += job.cost
            ran = asyncio.get_running_loop().run_in_executor(self._threads, job.work)
            ran.add_done_callback(partial(self._ended, job))

    def _takes(self, job: Job) -> bool:
        return self._free > 0 or self._given + job.cost < self._ahead

    def _next(self) -> Share | None:
        ready = (one for one in self._shares.values() if one.waiting and one.running < self._each)
        return min(ready, key=lambda share: share.had, default=None)

    def _ended(self, job: Job, ran: asyncio.Future[Any]) -> None:
        self._free += 1
        self._given -= job.cost
        self._shares[job.key].running -= 1
        self._forget(job.key)
        error = None if ran.cancelled() else ran.exception()
        if not job.done.done():
            if ran.cancelled():
                job.done.cancel()
            elif error is not None:
                job.done.set_exception(error)
            else:
                job.done.set_result(ran.result())
        self._begin()

    def _forget(self, key: str) -> None:
        share = self._shares[key]
        if not share.waiting and not share.running and share.had <= self._now:
            del self._shares[key]
