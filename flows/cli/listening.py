"""Tells who started a gateway where it listens, and who decides there: by asking it, as a client would."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from infra.client import MAKE_A_KEY

POLL_SECONDS = 0.5  # seconds between two looks
ANSWER_SECONDS = 5.0  # seconds that an answer may take
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - addresses that nobody can ask

DIRECT = urllib.request.build_opener(
    urllib.request.ProxyHandler({})
)  # a proxy of the shell's knows no 127.0.0.1

Say = Callable[[str], object]


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds what listens there."""
    host = EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def told(host: str, port: int, say: Say) -> Iterator[None]:
    """While the block serves: once it answers, and once somebody decides, a line is said."""
    over = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(address(host, port), say, over), daemon=True, name="listening"
    )
    watcher.start()
    try:
        yield
    finally:
        over.set()


def _watch(url: str, say: Say, over: threading.Event) -> None:
    before = ""
    while not over.wait(POLL_SECONDS):
        found = _ready(url)
        if found is None:
            continue
        if not before:
            say(f"listening on {url}; documents and a form to try it at {url}/docs, a key from: {MAKE_A_KEY}")
        line = who_decides(found)
        if line != before:
            before = line
            say(line)
        if found.get("status") == "ready":
            return


def who_decides(found: dict[str, Any]) -> str:
    """A line of what /readyz answers."""
    if found.get("status") != "ready":
        return f"nobody decides yet, and posts are answered with 503: {found.get('reason', 'no reason is given')}"
    beside = f", version {found['challenger']} is its challenger" if found.get("challenger") else ""
    warning = f"; {found['warning']}" if found.get("warning") else ""
    return f"version {found['champion']} decides{beside}{warning}"


def _ready(url: str) -> dict[str, Any] | None:
    """What the gateway at `url` says of itself; None while nothing answers."""
    try:
        with DIRECT.open(f"{url}/readyz", timeout=ANSWER_SECONDS) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    except OSError:
        return None
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
