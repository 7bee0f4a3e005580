"""The live screen of `moderato up`; a line for each change where the output is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flows.cli.plain import plain, said, terminal
from infra.platform import Running, Supervisor
from infra.settings import Settings

COLOURS = {
    "ready": "green",
    "idle": "yellow",
    "starting": "yellow",
    "waiting": "dim",
    "silent": "yellow",
    "ended": "red",
}
MEBIBYTE = 2**20
EVERY = 2.0  # seconds between two measurements of memory


@contextmanager
def screen(supervisor: Supervisor, settings: Settings) -> Iterator[Callable[[], None]]:
    """Something to call after each look."""
    console = terminal()
    if not console.is_terminal:
        yield _Lines(supervisor, console, settings.home / "logs")
        return
    foot = Text(said(f"logs {settings.home / 'logs'}, Ctrl-C stops everything"), style="dim")
    with Live(console=console, auto_refresh=False) as live:
        yield _Picture(supervisor, live, foot)


class _Lines:
    """Says every change of phase, and once that all is up, and ready."""

    def __init__(self, supervisor: Supervisor, console: Console, logs: Path) -> None:
        self._supervisor, self._console, self._logs = supervisor, console, logs
        self._said: dict[str, str] = {}
        self._all = ""

    def __call__(self) -> None:
        for name, it in self._supervisor.running.items():
            if self._said.get(name) != it.phase:
                self._said[name] = it.phase
                where = f"see {self._logs / name}.log" if it.phase == "ended" else _where(it)
                self._print(f"{name}: {it.phase}, {where}")
        stands = "ready" if self._supervisor.is_ready else "up, not ready" if self._supervisor.is_up else ""
        if stands != self._all:
            self._all = stands
            if stands:
                self._print(stands)

    def _print(self, line: str) -> None:
        self._console.print(plain(line), highlight=False, soft_wrap=True)


class _Picture:
    def __init__(self, supervisor: Supervisor, live: Live, foot: Text) -> None:
        self._supervisor, self._live, self._foot = supervisor, live, foot
        self._memory: dict[str, int] = {}
        self._measured = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now - self._measured > EVERY:
            self._measured = now
            self._memory = {name: it.memory() for name, it in self._supervisor.running.items()}
        table = Table("service", "state", "for", "restarts", "memory", "address", box=None)
        for name, it in self._supervisor.running.items():
            table.add_row(*self._row(name, it, now))
        self._live.update(Group(table, self._foot), refresh=True)

    def _row(self, name: str, it: Running, now: float) -> tuple[str | Text, ...]:
        seconds = int(now - it.since) if it.since else 0
        return (
            plain(name),
            Text(it.phase, style=COLOURS[it.phase]),
            f"{seconds // 60}:{seconds % 60:02}",
            str(it.restarts),
            f"{self._memory.get(name, 0) // MEBIBYTE} MiB",
            plain(_where(it)),
        )


def _where(it: Running) -> str:
    """What people open, and what is to be done first where it cannot do its work."""
    lacks = f", {it.service.lacks}" if it.phase == "idle" else ""
    return f"{it.service.address}{lacks}"
