"""Ports for servers that tests start: none is given twice, and none lies where the system finds ports for clients.

A port that the system names is free only until somebody connects somewhere; between the question and the server's
start another process may have it. Here each worker of the tests has a range of its own below the system's.
"""

from __future__ import annotations

import itertools
import os

from infra.platform import is_free

FIRST, EACH, RANGES = 20_000, 1_000, 12  # up to 32,000: Linux gives clients those from 32,768 on

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % RANGES
_numbers = itertools.count(os.getpid())  # another run of the tests beside this one begins elsewhere


def free_ports(count: int) -> tuple[int, ...]:
    """So many ports of this machine on which nothing listens."""
    ports = (FIRST + _worker * EACH + number % EACH for number in itertools.islice(_numbers, EACH))
    found = tuple(itertools.islice((port for port in ports if is_free("127.0.0.1", port)), count))
    assert len(found) == count, f"{FIRST + _worker * EACH} and what follows is in use"
    return found


def free_port() -> int:
    return free_ports(1)[0]
