"""What a step tells of itself when it is done: one line with what, how much and how long.

It stands in the run's log on Prefect's page, and at the terminal where somebody watches (flows.cli.narration).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from prefect import get_run_logger
from prefect.context import TaskRunContext

BEGUN = logging.getLogger("moderato.steps")  # a step's name when it begins, for who watches
MINUTE = 60.0

P = ParamSpec("P")
R = TypeVar("R")


def tells(story: Callable[[R], str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Below a task's decorator: `story` makes a line of what the step returns. Without Prefect nothing is told."""

    def telling(step: Callable[P, R]) -> Callable[P, R]:
        @wraps(step)
        def told(*args: P.args, **kwargs: P.kwargs) -> R:
            context = TaskRunContext.get()
            if context is None:
                return step(*args, **kwargs)
            BEGUN.info("%s", context.task.name)
            began = time.monotonic()
            found = step(*args, **kwargs)
            line = f"{story(found)}; {lasted(time.monotonic() - began)}"
            get_run_logger().info(line, extra={"story": True})
            return found

        return told

    return telling


def say(line: str, level: int = logging.INFO) -> None:
    """A line in the middle of a step; nothing without Prefect."""
    if TaskRunContext.get():
        get_run_logger().log(level, line)


def lasted(seconds: float) -> str:
    """As in: 4.2 s, 3 min 20 s, 2 h 5 min."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s"


def counted(counts: dict[str, int]) -> str:
    """As in: 4,000 train, 500 test; what is nought is left out."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
