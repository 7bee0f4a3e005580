"""Ctrl-C, answered at one place: the first asks a command to stop, the second ends it at once.

A command that is asked has PATIENCE: a library that swallows KeyboardInterrupt, or computes for minutes without a look
at Python, must not keep a person waiting.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # exit code: 128 + SIGINT, as a shell reports it
STOP_SECONDS = 4.0  # seconds from the first Ctrl-C to the end
CLOSING = 0.8  # of these, for what closes last: a store that hangs must not hold the end up
REPEAT_SECONDS = 0.01  # seconds after which what was dropped comes again
INTERRUPTED_LINE = "moderato: interrupted; the same command goes on from here\n"

_last: list[Callable[[], object]] = []
_told = threading.Event()
_came = threading.Event()


def at_the_end(close: Callable[[], object]) -> None:
    """Call this when a person stops the process, in whatever thread: what must not be left as if it went on."""
    _last.append(close)


@contextmanager
def answering_ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt in here, once; from then on the process ends in time, asked again or not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, sys.unraisablehook = signal.signal(signal.SIGINT, _asked), _dropped
    try:
        yield
    finally:
        sys.unraisablehook = sys.__unraisablehook__
        if signal.getsignal(signal.SIGINT) is _asked:  # one that was asked stays so to its very end
            signal.signal(signal.SIGINT, before)


def was_asked() -> bool:
    """Whether Ctrl-C has come: what fails from then on failed for that."""
    return _came.is_set()


def end() -> NoReturn:
    """End this process as one that was asked to, once it has left what it did in order.

    Past handlers that libraries have at an exit, which may wait for a server; children that are tied to this process
    end by themselves.
    """
    _say()
    _close()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(INTERRUPTED)


def _close() -> None:
    """Do what `at_the_end` was told, once, for CLOSING seconds at most."""
    asked, _last[:] = _last[:], []
    closing = threading.Thread(target=_all, args=(asked,), name="closing", daemon=True)
    closing.start()
    closing.join(CLOSING)


def _asked(number: int, frame: FrameType | None) -> None:
    _came.set()
    logging.disable()  # what a library logs from here on is of the interrupt, with a traceback of its own
    clock = threading.Timer(STOP_SECONDS - CLOSING, end)
    clock.daemon = True
    clock.start()
    _again(number, frame)


def _dropped(given: sys.UnraisableHookArgs) -> None:
    """Python prints and drops what is raised in a destructor, or in a weak reference's callback: Ctrl-C comes again.

    Not from in here, which would be dropped as well.
    """
    if not (isinstance(given.exc_value, KeyboardInterrupt) and was_asked()):
        sys.__unraisablehook__(given)
        return
    signal.signal(signal.SIGINT, _again)
    main = threading.main_thread().ident
    once_more = threading.Timer(REPEAT_SECONDS, signal.pthread_kill, (main, signal.SIGINT))
    once_more.daemon = True
    once_more.start()


def _again(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's
    signal.signal(signal.SIGINT, lambda *_: end())
    raise KeyboardInterrupt


def _say() -> None:
    if not _told.is_set():
        _told.set()
        with suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), INTERRUPTED_LINE.encode())


def _all(asked: list[Callable[[], object]]) -> None:
    for one in asked:
        with suppress(Exception):  # a store that is away: the next start finds what is left
            one()
