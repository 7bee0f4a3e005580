"""Processes that train together and the one that started them: what they share, and that they end with it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from models.domain.errors import UserError

JOB, PLACE = "MODERATO_JOB", "MODERATO_PLACE"  # what workers read from their environment: it may hold secrets
COURSE = "course.jsonl"  # in that place, what they tell
POLL_SECONDS = 0.1  # seconds between two looks
FAILURE = "failure"

Message = dict[str, Any]
"""`kind`, and `step`, `epoch`, `steps` and `metrics` of the trainer, METRICS for a logger, or a FAILURE's `message`."""


def failure(error: UserError) -> Message:
    """What a process says that has met a mistake of its user's."""
    return {"kind": FAILURE, "message": str(error)}


def watch(pid: int, end: Callable[[], object]) -> None:
    """Call `end` in a thread once the process `pid`, the parent of this one, is gone, or a SIGTERM is held back."""

    def look() -> None:
        while signal.SIGTERM not in signal.sigpending() and os.getppid() == pid:
            time.sleep(POLL_SECONDS)
        end()

    threading.Thread(target=look, name="watch", daemon=True).start()
