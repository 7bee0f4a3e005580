"""A command that has said nothing after a moment says that it is at work: libraries take seconds to load."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOMENT = 1.0  # seconds
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
    """The command has said something of its own."""
    _spoken.set()


@contextmanager
def told_of_loading(command: str) -> Iterator[None]:
    """One line on standard error, where a person sees it, unless the command speaks first."""
    _spoken.clear()
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(MOMENT, _say, (command, threading.get_ident()))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(command: str, thread: int) -> None:
    if not _spoken.is_set():
        loading = _loading(thread)
        doing = f"loading {loading}" if loading else "at work"
        print(f"moderato {command}: {doing} ...", file=sys.stderr, flush=True)  # noqa: T201 - the command's own output


def _loading(thread: int) -> str:
    """The library that is being imported, the outermost that has a name."""
    frame, found = sys._current_frames().get(thread), ""  # noqa: SLF001 - there is no other way to look
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        found = LIBRARIES.get(name, found)
        frame = frame.f_back
    return found
