"""Sends posts to a gateway at a rate, one a request, whether or not the answers keep up."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np

from infra.client import MAKE_A_KEY
from models.domain.errors import UserError

CONNECTIONS = 64
TIMEOUT = 30.0  # seconds
REFUSED = (401, 403)


class NoGatewayError(UserError):
    """No gateway answers, or it does not know the key."""


@dataclass
class Replayed:
    """What came back. `failed` counts by status or by the connection's error."""

    sent: int = 0
    seconds: float = 0.0
    actions: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    decisions: list[str] = field(default_factory=list)  # ids, in the order of the answers
    waits: list[float] = field(default_factory=list)  # milliseconds

    def quantile(self, level: float) -> float | None:
        """Milliseconds from a request to its answer."""
        return float(np.quantile(self.waits, level)) if self.waits else None


def replay(
    url: str,
    key: str,
    posts: Iterable[dict[str, Any]],
    *,
    rate: float,
    seconds: float,
    heard: Callable[[int], object],
) -> Replayed:
    """Send posts for so long, `rate` a second; `heard` gets how many were sent.

    Raises NoGatewayError where the first request finds no gateway, or one that does not know the key; a gateway that
    goes away later is counted.
    """
    return asyncio.run(_replay(url, key, _paced(posts, rate, seconds), heard))


async def _paced(
    posts: Iterable[dict[str, Any]], rate: float, seconds: float
) -> AsyncIterator[dict[str, Any]]:
    """Each post when its time has come; late ones at once."""
    began = time.perf_counter()
    for number, post in enumerate(posts):
        if max(number / rate, time.perf_counter() - began) >= seconds:
            return
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        yield post


async def _replay(
    url: str, key: str, posts: AsyncIterator[dict[str, Any]], heard: Callable[[int], object]
) -> Replayed:
    found, free = Replayed(), asyncio.Semaphore(CONNECTIONS)
    session = aiohttp.ClientSession(
        url,
        timeout=aiohttp.ClientTimeout(TIMEOUT),
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        headers={"Authorization": f"Bearer {key}"},
    )
    async with session:
        await _greet(session, url)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as sending:
            async for post in posts:
                await free.acquire()
                sending.create_task(_send(session, post, found, free))
                found.sent += 1
                heard(found.sent)
        found.seconds = time.perf_counter() - began
    return found


async def _greet(session: aiohttp.ClientSession, url: str) -> None:
    """Raises NoGatewayError."""
    try:
        async with session.get("/v1/models") as answer:
            if answer.status in REFUSED:
                raise NoGatewayError(
                    f"the gateway at {url} does not take this key; make one with {MAKE_A_KEY}"
                )
    except (aiohttp.ClientConnectionError, TimeoutError):
        raise NoGatewayError(f"no gateway at {url}; start one with moderato serve") from None


async def _send(
    session: aiohttp.ClientSession, post: dict[str, Any], found: Replayed, free: asyncio.Semaphore
) -> None:
    began = time.perf_counter()
    try:
        async with session.post("/v1/decisions", json=post) as answer:
            body = await answer.json()
            if not answer.ok:
                found.failed[str(answer.status)] += 1
                return
    except (aiohttp.ClientError, TimeoutError) as error:
        found.failed[type(error).__name__] += 1
        return
    finally:
        free.release()
    found.waits.append((time.perf_counter() - began) * 1e3)
    for decision in body["decisions"]:
        found.decisions.append(decision["decision_id"])
        found.actions[decision["action"]] += 1
        found.versions[decision["model_version"]] += 1
