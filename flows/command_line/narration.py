"""Tells the person at the terminal which step of a flow has ended, from Prefect's own task log."""

from __future__ import annotations

import logging
import time

from rich.console import Console

from flows.command_line.plain import plain

NEXT = "\n"


class Narrator(logging.Handler):
    """One line a finished step: its name, whether its result was reused, its seconds; and what steps say themselves."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self.console = console
        self.since = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith("Crash detected"):  # the command says it in its own words
            return
        if "Finished in state" not in message:
            colour = "yellow" if record.levelno >= logging.WARNING else "dim"
            self.console.print(f"  [{colour}]{plain(message.partition(NEXT)[0])}[/]", highlight=False)
            return
        step = getattr(record, "task_name", "step")
        seconds, self.since = time.monotonic() - self.since, time.monotonic()
        if "Cached" in message:
            self.console.print(f"  [dim]{plain(step):<10} done before[/]", highlight=False)
        elif "Completed" in message:
            self.console.print(f"  [green]{plain(step):<10}[/] {seconds:6.1f} s", highlight=False)


def narrate(console: Console) -> None:
    """Print each step as it ends; Prefect's own lines go to its server only."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).propagate = False
    steps = logging.getLogger("prefect.task_runs")
    steps.addHandler(Narrator(console))
    steps.setLevel(logging.INFO)
