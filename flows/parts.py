"""The catalogues side by side, and the contract that every entry of each is tried by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from expectations.contract import of_suite
from expectations.suites import SUITES
from infra.ingest.contract import of_source
from infra.ingest.sources import SOURCES
from infra.rollout import GUARDRAILS, PLANS
from infra.rollout.contract import of_guardrail, of_plan
from infra.settings import Settings
from infra.watch import SIGNALS
from infra.watch.contract import of_signal
from infra.weights import WEIGHTS_PACKAGES, of_weights_package
from models.domain.announced import Announced, announced_at
from models.domain.catalogue import Catalogue
from models.domain.errors import UserError
from models.domain.policy_contract import faults as of_policy_set
from models.domain.project import PARTS, own_files, shown
from models.encoders import ENCODERS
from models.objectives import OBJECTIVES
from models.perturbations import PERTURBATIONS
from models.perturbations.base.contract import of_perturbation
from models.policies import POLICY_SETS
from models.readers import READERS
from models.readers.base.contract import of_reader
from models.training.contract import of_encoder, of_objective, of_preset
from models.training.presets import PRESETS
from tasks.gates import GATES
from tasks.gates.base.contract import of_gate


@dataclass(frozen=True)
class Tried:
    """One entry with what is wrong with it; empty faults for a good one."""

    kind: str
    name: str
    where: str
    faults: tuple[str, ...]


def contracts(settings: Settings) -> list[tuple[Catalogue[Any], Callable[[Any], list[str]]]]:
    """Every catalogue with what its entries are tried by."""
    return [
        (POLICY_SETS, of_policy_set),
        (SOURCES, partial(of_source, settings=settings)),
        (SUITES, lambda suite: of_suite(suite, POLICY_SETS[settings.policy_set])),
        (WEIGHTS_PACKAGES, of_weights_package),
        (ENCODERS, of_encoder),
        (OBJECTIVES, of_objective),
        (PERTURBATIONS, of_perturbation),
        (READERS, of_reader),
        (PRESETS, of_preset),
        (GATES, of_gate),
        (GUARDRAILS, of_guardrail),
        (PLANS, of_plan),
        (SIGNALS, of_signal),
    ]


def tried(settings: Settings, *, all_of_them: bool = False) -> Iterator[Tried]:
    """Every entry that is not of this house, or every one, one after another."""
    known = contracts(settings)
    for catalogue, contract in known:
        twice = catalogue.twice()
        for entry in catalogue.announced():
            if entry.own or all_of_them:
                others = [place for place in twice.get(entry.name, []) if place != entry.where]
                again = [f"another one is called {entry.name!r}, {place}; rename one" for place in others]
                yield Tried(
                    catalogue.noun,
                    entry.name,
                    entry.where,
                    tuple(again or _faults(catalogue, entry, contract)),
                )
    constants = [catalogue.constant for catalogue, _ in known]
    yield from (
        Tried("part", path.stem, f"{shown(path)}:1", (f"it announces none of {', '.join(constants)}",))
        for path in own_files(PARTS, ".py")
        if not any(announced_at(path, constant) for constant in constants)
    )


def _faults(catalogue: Catalogue[Any], entry: Announced, contract: Callable[[Any], list[str]]) -> list[str]:
    try:
        return contract(catalogue.load(entry))
    except UserError as error:
        return list(getattr(error, "faults", (str(error),)))
    except Exception as error:  # noqa: BLE001 - a part may fail in any way, and the next one is tried all the same
        return [f"{_line(error, entry)}{type(error).__name__}: {error}"]


def _line(error: Exception, entry: Announced) -> str:
    """Where in the part's own file it failed; empty where it was elsewhere."""
    import traceback

    file = Path(entry.where.rpartition(":")[0]).name
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).name == file
    ]
    return f"line {lines[-1]}: " if lines else ""
