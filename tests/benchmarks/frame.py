"""What a bench is: it declares its figures, each with an aim, and yields what it sees of them.

A file of `benches` announces one as BENCH:

    SECONDS = Figure(name="a thing", beside="seconds of its peer", aim=at_most(3))

    def measure(folder: Path) -> Iterator[Seen | Table]:
        yield SECONDS.seen(ours / theirs, f"{ours:.1f} s beside {theirs:.1f} s")

    BENCH = Bench(figures=(SECONDS,), measure=measure)

`measure` runs in a process and a folder of its own, in an empty home. What it prints is shown, what it raises makes
the bench a crashed one; `SkippedError` says what this machine lacks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

ROOT = Path(__file__).parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
LIMIT_SECONDS = 1800.0  # after which a bench counts as crashed, where it says no other
MANY = 100  # from here on a number is shown without decimals

Verdict = Literal["met", "missed", "not seen"]


class SkippedError(Exception):
    """This machine lacks what the bench needs; the message says what."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Aim(Frozen):
    """A comparison; a bound itself meets it."""

    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        least = -math.inf if self.at_least is None else self.at_least
        most = math.inf if self.at_most is None else self.at_most
        return least <= value <= most

    def shown(self, unit: str) -> str:
        least, most = (None if it is None else shown(it, unit) for it in (self.at_least, self.at_most))
        if least is not None and most is not None:
            return f"{least} to {most}"
        return f"at most {most}" if least is None else f"at least {least}"


def at_least(value: float) -> Aim:
    return Aim(at_least=value)


def at_most(value: float) -> Aim:
    return Aim(at_most=value)


def between(least: float, most: float) -> Aim:
    return Aim(at_least=least, at_most=most)


def shown(value: float, unit: str) -> str:
    """A value for people: shares in percent, times without a unit."""
    if unit == "share":
        return f"{100 * value:.4g} %"
    number = f"{value:,.0f}" if abs(value) >= MANY else f"{value:.3g}"
    return number if unit == "times" else f"{number} {unit}"


class Figure(Frozen):
    """One number that a bench looks for.

    beside: the named peer or limit; unit: `times` of what it is beside, `share` of one, or one to be shown.
    """

    name: str
    beside: str
    aim: Aim
    unit: str = "times"

    def seen(self, value: float, note: str = "") -> Seen:
        """note: of what a ratio was made, and how much it varied."""
        if not math.isfinite(value):
            raise ValueError(f"{self.name}: {value} is no figure; {note or 'nothing was measured'}")
        return Seen(figure=self, value=float(value), note=note)


class Seen(Frozen):
    """A figure and what was seen of it; None where nothing was."""

    figure: Figure
    value: float | None = None
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> Verdict:
        if self.value is None:
            return "not seen"
        return "met" if self.figure.aim.met(self.value) else "missed"

    def __str__(self) -> str:
        figure = self.figure
        value = "" if self.value is None else shown(self.value, figure.unit)
        note = f"  ({self.note})" if self.note else ""
        aim = figure.aim.shown(figure.unit)
        return f"  {self.verdict:8} {value:>12}  {aim:20} {figure.name}, {figure.beside}{note}"


class Table(Frozen):
    """What explains the figures and has no aim itself, as it is shown in the docs."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        head = [line(self.columns), "|---" * len(self.columns) + "|"]
        return "\n".join([*head, *map(line, self.rows)])


def line(cells: Iterable[str]) -> str:
    """One row of a table in Markdown, whatever the cells hold."""
    whole = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(whole)} |"


@dataclass(frozen=True)
class Bench:
    """seeds: of what is drawn, for whoever repeats it; limit_seconds: after which it counts as crashed."""

    figures: tuple[Figure, ...]
    measure: Callable[[Path], Iterator[Seen | Table]]
    seeds: str = ""
    limit_seconds: float = LIMIT_SECONDS


def shared_data(name: str = "") -> Path:
    """Real data beside a developer's checkout, which a user's clone does not have."""
    path = SHARED_DATA / name
    if not path.exists():
        raise SkippedError(f"needs real data in a folder shared/data/{name} beside the checkout")
    return path
