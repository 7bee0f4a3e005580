"""How a model does on functional suites: by functionality, what passes, how sure that is, and beside the champion.

A case that violates passes where its policy asks for an action or for a person, by the thresholds of markets without
their own; one that complies, where it asks for nothing. So the figures say what a champion would do, and AUROC beside
them how well it ranks, wherever thresholds are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.bundle.bundle import Bundle
from models.domain.policy import DEFAULT_MARKET
from models.evaluation.functional_file import Functional
from models.evaluation.report import Figure

Flags = NDArray[np.bool_]

BATCH = 256  # texts scored at once
LEVEL = 0.95  # of the intervals, Clopper and Pearson's
ALL = "all cases"
SIGNIFICANCE = 0.05  # of a difference to the champion, over all functionalities together (Bonferroni)


class Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Functionality(Shown):
    """`champion` is its share on the same cases; `worse` says that chance does not explain how much less passes now."""

    suite: str
    name: str
    cases: int
    passed: Figure
    champion: float | None = None
    worse: bool = False
    minimum: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the cases do not rule out the minimum."""
        return self.minimum is None or self.passed.high is None or self.passed.high >= self.minimum


class SuiteResult(Shown):
    """The functionalities of one suite, all its cases together first; AUROC over the policies' cases, None without."""

    name: str
    functionalities: tuple[Functionality, ...]
    auroc: dict[str, float]


def run_suites(
    suites: Sequence[Functional], bundle: Bundle, champion: Bundle | None = None
) -> tuple[SuiteResult, ...]:
    """Cases of policies that the bundle does not know, or nobody judged a post for, fail."""
    rows = sum(len({case.functionality for case in suite.cases}) for suite in suites)
    return tuple(_run(suite, bundle, champion, rows) for suite in suites)


def _run(suite: Functional, bundle: Bundle, champion: Bundle | None, rows: int) -> SuiteResult:
    scores = _scores(bundle, suite)
    passed = _passed(bundle, suite, scores)
    before = None if champion is None else _passed(champion, suite, _scores(champion, suite))
    names = [case.functionality for case in suite.cases]
    parts = [(ALL, np.full(len(names), True))]
    parts += [(name, np.array([it == name for it in names])) for name in dict.fromkeys(names)]
    return SuiteResult(
        name=suite.name,
        functionalities=tuple(
            _functionality(suite, name, passed[mask], None if before is None else before[mask], rows)
            for name, mask in parts
        ),
        auroc=dict(_auroc(bundle, suite, scores)),
    )


def _scores(bundle: Bundle, suite: Functional) -> NDArray[np.floating]:
    """[N, P]"""
    texts = [case.text for case in suite.cases]
    parts = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return np.concatenate([bundle.score(part, [None] * len(part)) for part in parts])


def _passed(bundle: Bundle, suite: Functional, scores: NDArray[np.floating]) -> Flags:
    """[N]"""
    asked = bundle.operating_points.asked(scores, DEFAULT_MARKET) > 0
    known = {policy: column for column, policy in enumerate(bundle.policies) if policy in bundle.assessed}
    return np.array(
        [
            case.policy in known and bool(asked[row, known[case.policy]]) == case.violates
            for row, case in enumerate(suite.cases)
        ],
        bool,
    )


def _functionality(
    suite: Functional, name: str, passed: Flags, before: Flags | None, rows: int
) -> Functionality:
    from scipy.stats import binomtest

    count, total = int(passed.sum()), len(passed)
    bounds = binomtest(count, total).proportion_ci(LEVEL, "exact")
    figure = Figure(value=count / total, low=float(bounds.low), high=float(bounds.high))
    shared = {"suite": suite.name, "name": name, "cases": total, "passed": figure}
    if before is None:
        return Functionality(**shared, minimum=suite.minimum.get(name))
    lost, won = int((before & ~passed).sum()), int((passed & ~before).sum())
    chance = (
        binomtest(lost, lost + won, alternative="greater").pvalue if lost > won else 1.0
    )  # McNemar's, exact
    worse = bool(chance < SIGNIFICANCE / rows)
    return Functionality(
        **shared, minimum=suite.minimum.get(name), champion=float(before.mean()), worse=worse
    )


def _auroc(bundle: Bundle, suite: Functional, scores: NDArray[np.floating]) -> Iterator[tuple[str, float]]:
    from sklearn.metrics import roc_auc_score

    for policy in bundle.assessed:
        rows = [row for row, case in enumerate(suite.cases) if case.policy == policy]
        gold = np.array([suite.cases[row].violates for row in rows], bool)
        if gold.any() and not gold.all():
            yield policy, float(roc_auc_score(gold, scores[rows, bundle.policies.index(policy)]))
