"""A load generator in a process of its own: so many clients, each of which asks again as soon as it was answered.

python closed_loop.py URL CLIENTS SECONDS BODIES [KEY], where BODIES holds one JSON body a line; prints a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import httptools
import numpy as np
import uvloop

WARM_UP = 3.0  # seconds before what is measured


class Client(asyncio.Protocol):
    """One connection; `waits` gets (when, seconds, status) for each answer."""

    def __init__(self, requests: Iterator[bytes], waits: list[tuple[float, float, int]]) -> None:
        self.requests, self.waits = requests, waits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self.waits.append((now, now - self.asked, self.parser.get_status_code()))
        asyncio.get_running_loop().call_soon(self._ask)

    def _ask(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.asked = time.perf_counter()
        self.transport.write(next(self.requests))


def requests_of(url: str, bodies: list[bytes], key: str) -> Iterator[bytes]:
    address = urlsplit(url)
    head = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: "
    )
    return cycle([f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies])


async def load(url: str, clients: int, seconds: float, bodies: list[bytes], key: str) -> dict[str, object]:
    address, waits = urlsplit(url), []
    requests, loop = requests_of(url, bodies, key), asyncio.get_running_loop()
    began = time.perf_counter() + WARM_UP
    for _ in range(clients):
        await loop.create_connection(lambda: Client(requests, waits), address.hostname, address.port)
    await asyncio.sleep(WARM_UP + seconds)
    measured = [(wait, status) for at, wait, status in waits if began <= at < began + seconds]
    taken = np.array([wait for wait, _ in measured]) * 1e3
    return {
        "rate": len(measured) / seconds,
        "p50": float(np.quantile(taken, 0.5)),
        "p99": float(np.quantile(taken, 0.99)),
        "statuses": Counter(status for _, status in measured),
    }


if __name__ == "__main__":
    url, clients, seconds, bodies, *key = sys.argv[1:]
    lines = Path(bodies).read_bytes().splitlines()
    print(json.dumps(uvloop.run(load(url, int(clients), float(seconds), lines, "".join(key)))))
