"""Names of flow runs: the one that a person typed stays, and one that nobody chose says what the run is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, wraps
from importlib.resources import files

from prefect.runtime import flow_run

GREEK = (
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi|rho|sigma|tau|upsilon|phi|chi|"
    "psi|omega"
)
STAR = re.compile(
    rf"({GREEK})\d*-[a-z-]+"
)  # what the form of Prefect's page puts in: beta3-canis-majoris-void
TWO_WORDS = re.compile(
    r"[a-z]+-([a-z]+)"
)  # what its server calls a run that it is given without a name: iron-otter


def unless_typed(about: Callable[[], str]) -> Callable[[], str]:
    """For a flow's `flow_run_name`: what `about` says, unless somebody named the run."""

    @wraps(about)
    def named() -> str:
        given = str(flow_run.name or "").strip()
        return about() if not given or is_made_up(given) else given

    return named


def is_made_up(name: str) -> bool:
    """Whether Prefect made a run's name up."""
    if STAR.fullmatch(name):
        return True
    words = TWO_WORDS.fullmatch(name)
    return words is not None and words[1] in _animals()


@cache
def _animals() -> frozenset[str]:
    """The nouns of Prefect's made-up names, from the package that it takes them from."""
    lists = [file for file in (files("coolname") / "data").iterdir() if file.name.startswith("animal")]
    return frozenset(line.strip() for file in lists for line in file.read_text("utf-8").splitlines())
