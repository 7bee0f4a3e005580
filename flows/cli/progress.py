"""A progress bar on standard error that only work over two seconds is worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from flows.cli.loading import spoken
from flows.cli.plain import said

BAR_AFTER_SECONDS = 2.0  # seconds

Show = Callable[[str, float, float], None]


@contextmanager
def progress(console: Console, amount: ProgressColumn) -> Iterator[Show]:
    """Gives a function to tell what is worked on, how much of it is done, and how much there is.

    `amount` writes these two numbers. Where nobody watches, one line remains for work that took long.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), amount, TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=console.is_terminal)
    row = bar.add_task("", total=None)
    began = time.monotonic()

    def show(title: str, done: float, total: float) -> None:
        bar.update(row, description=said(title), completed=done, total=total)
        if not bar.live.is_started and time.monotonic() - began > BAR_AFTER_SECONDS:
            spoken()
            bar.start()

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
