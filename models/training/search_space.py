"""What a search varies: fields of a preset, each over a range or over listed values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from models.domain.errors import UserError
from models.domain.nearest import choose
from models.domain.preset import Preset

if TYPE_CHECKING:
    from optuna import Trial

DECADE = 10.0  # a range that spans one is searched by its logarithm
DIGITS = 4  # of a value in a range: what is tried is what is written
EXAMPLES = "learning_rate=1e-4..1e-2 or dropout=0,0.1,0.3"


class SpaceError(UserError):
    """A field that cannot be searched over, or not like this."""


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included; by the logarithm where that spans a decade."""

    field: str
    low: float
    high: float
    whole: bool

    @property
    def by_logarithm(self) -> bool:
        return self.low > 0 and self.high / self.low >= DECADE

    @property
    def size(self) -> float:
        """Values that there are."""
        return self.high - self.low + 1 if self.whole else math.inf

    def suggest(self, trial: Trial) -> None:
        if self.whole:
            trial.suggest_int(self.field, int(self.low), int(self.high), log=self.by_logarithm)
        else:
            trial.suggest_float(self.field, self.low, self.high, log=self.by_logarithm)

    def draw(self, rng: np.random.Generator) -> float | str:
        if self.whole:
            return int(rng.integers(int(self.low), int(self.high) + 1))
        return float(rng.uniform(self.low, self.high))

    def holds(self, value: object) -> float | str | None:
        """The value as the study knows it, None where it lies outside."""
        inside = isinstance(value, int | float) and self.low <= value <= self.high
        return value if inside else None  # type: ignore[return-value]

    def written(self, value: float) -> str:
        """As a preset spells it, and as it is trained with."""
        if self.whole:
            return str(int(value))
        return repr(min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high))


@dataclass(frozen=True)
class Choices:
    """One of these, as a preset spells them."""

    field: str
    values: tuple[str, ...]

    @property
    def size(self) -> float:
        return len(self.values)

    def suggest(self, trial: Trial) -> None:
        trial.suggest_categorical(self.field, self.values)

    def draw(self, rng: np.random.Generator) -> float | str:
        return self.values[int(rng.integers(len(self.values)))]

    def holds(self, value: object) -> float | str | None:
        spelt = "+".join(value) if isinstance(value, tuple) else str(value)
        numbers = {_number(one): one for one in self.values}
        return spelt if spelt in self.values else numbers.get(_number(spelt) or math.nan)

    def written(self, value: str) -> str:
        """As a preset spells it."""
        return value


Axis = Range | Choices


def space(preset: Preset, over: Sequence[str]) -> tuple[Axis, ...]:
    """The axes that `over` names, each as field=low..high or field=a,b,c; raises SpaceError or PresetError."""
    if not over:
        raise SpaceError(f"nothing to search over; name a field and its values, as in {EXAMPLES}")
    axes = tuple(_axis(preset, given) for given in over)
    for field, same in groupby(sorted(axis.field for axis in axes)):
        if len(list(same)) > 1:
            raise SpaceError(f"{field} is given twice; name all of its values at once")
    return axes


def _axis(preset: Preset, given: str) -> Axis:
    field, equals, values = (part.strip() for part in given.partition("="))
    if not equals:
        raise SpaceError(f"{given!r} names no values; write field=low..high or field=a,b,c, as in {EXAMPLES}")
    if field == "name" or field not in type(preset).model_fields:
        known = [name for name in type(preset).model_fields if name != "name"]
        choices = choose(field, known, words="choose from")
        raise SpaceError(f"preset {preset.name} has no field {field!r} to search over; {choices}")
    axis = _range(preset, field, values) if ".." in values else _choices(field, values)
    for value in (axis.low, axis.high) if isinstance(axis, Range) else axis.values:
        preset.replace(**{field: value})
    return axis


def _range(preset: Preset, field: str, values: str) -> Range:
    kind = type(preset).model_fields[field].annotation
    if kind not in (int, float):
        raise SpaceError(
            f"{field} is no number, so that it has no range {values!r}; list its values: {field}=a,b"
        )
    low, _, high = values.partition("..")
    ends = _number(low), _number(high)
    if ends[0] is None or ends[1] is None:
        raise SpaceError(f"{values!r} is no range of {field}: both ends must be numbers, as in {EXAMPLES}")
    if kind is int and not (ends[0].is_integer() and ends[1].is_integer()):
        raise SpaceError(
            f"{values!r} is no range of {field}, which is a whole number; write both ends as such"
        )
    if not ends[0] < ends[1]:
        raise SpaceError(f"the range {values!r} of {field} is empty: its first end must be below its second")
    if kind is int:
        return Range(field, int(ends[0]), int(ends[1]), whole=True)
    return Range(field, *ends, whole=False)  # type: ignore[arg-type]


def _choices(field: str, values: str) -> Choices:
    found = tuple(dict.fromkeys(value.strip() for value in values.split(",")))
    if not all(found):
        raise SpaceError(f"{field}={values} lists an empty value; write {field}=a,b")
    return Choices(field, found)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
