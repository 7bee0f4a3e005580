"""Processes that end with the one that started them, even where that is killed and can tell nobody.

A command is started through a launcher, a process of `multiprocessing` looks after its parent itself, and those that
train together do as models.distributed.messages says.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading

# Runs a command in its own place, told to end (SIGTERM) as soon as this process is gone, even by SIGKILL. A launcher
# and not subprocess's preexec_fn, which forks and so upsets libraries with threads.
PR_SET_PDEATHSIG = 1
LAUNCH = (
    f"import ctypes, os, sys; ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {int(signal.SIGTERM)}); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
TIED = (sys.executable, "-S", "-c", LAUNCH) if sys.platform == "linux" else ()


def end_with_parent() -> None:
    """Tell this process to end (SIGTERM) once its parent of `multiprocessing` is gone; nothing where it has none."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()  # on a pipe that the parent's death closes
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()
