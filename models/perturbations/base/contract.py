"""What every perturbation keeps. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.perturbations.base.perturbation import Perturbation

PLAIN = "everybody who reads this knows what it says, whether it is written so or otherwise"
ODD = ("", " ", "a", "??", "\n\n", "1 2 3", "\N{GRINNING FACE}", "\u8fd9\u662f\u4e00", "\ud800", "x" * 5000)
SEEDS = 20


def of_perturbation(perturbation: Perturbation) -> list[str]:
    """What is wrong with one."""
    return [fault for claim in (_changes, _repeats, _bears_anything) for fault in claim(perturbation)]


def _changes(perturbation: Perturbation) -> Iterator[str]:
    same = sum(perturbation(PLAIN, np.random.default_rng(seed)) == PLAIN for seed in range(SEEDS))
    if same == SEEDS:
        yield "it leaves a plain text as it is"


def _repeats(perturbation: Perturbation) -> Iterator[str]:
    one, other = (perturbation(PLAIN, np.random.default_rng(7)) for _ in range(2))
    if one != other:
        yield "the same generator gives another text; draw from the one that it is given, and from nothing else"


def _bears_anything(perturbation: Perturbation) -> Iterator[str]:
    for text in ODD:
        try:
            found = perturbation(text, np.random.default_rng(0))
        except Exception as error:  # noqa: BLE001 - whatever it is, it would end a training
            yield f"of {text[:9]!a} it raises {type(error).__name__}: {error}"
            continue
        if not isinstance(found, str):
            yield f"of {text[:9]!a} it makes {found!a}, which is no text"
