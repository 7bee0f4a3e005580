"""Tells the person at the terminal what a flow does: the story of each step, and that one which takes long goes on."""

from __future__ import annotations

import logging
import threading
import time

from rich.console import Console

from flows.cli.plain import plain
from flows.cli.progress import BAR_AFTER_SECONDS
from infra.stopping import was_asked

NEXT = "\n"
BEGUN = "moderato.steps"  # tasks.plumbing.story's word that a step begins
REMIND_SECONDS = 20.0  # seconds after which a step is said to go on
SERVER = "starting a Prefect server for this run"
OURS = ("Crash detected", "Running hook", "Hook ")  # what the command says in its own words, or nobody needs


class Narrator(logging.Handler):
    """One line a finished step: its name, its story with its time, or that it was done before.

    A step that has not ended after a moment is named, and again while it goes on.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self.console = console
        self.since = time.monotonic()
        self._told = False  # whether the step that ends has told its story
        self._step, self._over = "", threading.Event()

    def begin(self, step: str, again: float | None) -> None:
        """From here on `step` is going on; said after a moment, and every `again` seconds."""
        self._over.set()
        self._step, self._over, self.since = step, threading.Event(), time.monotonic()
        waits = (step, self._over, again)
        threading.Thread(target=self._wait, args=waits, daemon=True, name="narrator").start()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.name == BEGUN:
            self.begin(message, REMIND_SECONDS)
        elif message.startswith(OURS):
            return
        elif getattr(record, "story", False):
            self._end(getattr(record, "task_name", self._step), message)
            self._told = True
        elif "Finished in state" in message:
            self._ended(getattr(record, "task_name", "step"), message)
        else:
            colour = "yellow" if record.levelno >= logging.WARNING else "dim"
            told = f"  [{colour}]{plain(message.partition(NEXT)[0])}[/]"
            self.console.print(told, highlight=False, soft_wrap=True)

    def _ended(self, step: str, message: str) -> None:
        seconds = time.monotonic() - self.since
        if "Cached" in message:
            self._end(step, "done before", colour="dim")
        elif "Completed" in message and not self._told:
            self._end(step, f"{seconds:.1f} s")
        else:
            self._over.set()
        self._told = False

    def _end(self, step: str, story: str, colour: str = "green") -> None:
        self._over.set()
        self.since = time.monotonic()
        told = f"  [{colour}]{plain(step):<17}[/] {plain(story.partition(NEXT)[0])}"
        self.console.print(told, highlight=False, soft_wrap=True)

    def _wait(self, step: str, over: threading.Event, again: float | None) -> None:
        """In a thread of its own: the step has the others. After Ctrl-C the command's one line is the last."""
        pause: float | None = BAR_AFTER_SECONDS / 2
        while pause is not None and not over.wait(pause) and not was_asked():
            seconds = time.monotonic() - self.since
            told = "..." if seconds < BAR_AFTER_SECONDS else f"... {seconds:.0f} s so far"
            self.console.print(f"  [dim]{plain(step):<17} {told}[/]", highlight=False)
            pause = again


def narrate(console: Console) -> None:
    """Print each step as it ends; Prefect's own lines go to its server only."""
    narrator = Narrator(console)
    for name in ("prefect.flow_runs", "prefect.task_runs", BEGUN):
        logging.getLogger(name).propagate = False
    for name in ("prefect.task_runs", BEGUN):
        steps = logging.getLogger(name)
        steps.addHandler(narrator)
        steps.setLevel(logging.INFO)
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        narrator.begin(SERVER, again=None)
