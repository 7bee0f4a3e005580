"""A command that has said nothing after a moment says what it is at: libraries load for seconds, work takes minutes.

Only where a person watches, and only until the command speaks for itself.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

MOMENT = 1.0  # seconds
REMIND_SECONDS = 20.0  # seconds from one word to the next
LIBRARIES = {  # what a person may know by its name, of what is loaded
    "prefect": "Prefect",
    "mlflow": "MLflow",
    "torch": "PyTorch",
    "lance": "the lake",
    "great_expectations": "Great Expectations",
    "ray": "Ray",
}
_spoken = threading.Event()


def spoken() -> None:
    """The command has said something of its own, or is about to ask."""
    _spoken.set()


@contextmanager
def told_of_loading(command: str) -> Iterator[None]:
    """Lines on standard error, where that is a terminal, until the command speaks or ends."""
    _spoken.clear()
    if sys.stderr.isatty():
        watcher = threading.Thread(target=_watch, args=(command, threading.get_ident()), daemon=True)
        watcher.start()
    try:
        yield
    finally:
        _spoken.set()


def _watch(command: str, thread: int) -> None:
    began, pause = time.monotonic(), MOMENT
    while not _spoken.wait(pause):
        loading, seconds = _loading(thread), time.monotonic() - began
        doing = f"loading {loading} ..." if loading else "at work ..."
        so_far = f" {seconds:.0f} s so far" if seconds > REMIND_SECONDS else ""
        print(f"moderato {command}: {doing}{so_far}", file=sys.stderr, flush=True)  # noqa: T201 - the command's own
        pause = REMIND_SECONDS


def _loading(thread: int) -> str:
    """The library that is being imported or at work, the outermost that has a name."""
    frame, found = sys._current_frames().get(thread), ""  # noqa: SLF001 - there is no other way to look
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        found = LIBRARIES.get(name, found)
        frame = frame.f_back
    return found
