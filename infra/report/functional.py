"""Functional suites as a table: what passes of each functionality, and beside the champion."""

from __future__ import annotations

from collections.abc import Sequence

from infra.markdown import cells, plain
from infra.report.texts import figure, number
from models.bundle.functional import Functionality, SuiteResult

FUNCTIONAL_HEAD = ("suite", "functionality", "cases", "passed", "champion", "minimum", "verdict")


def functional_rows(results: Sequence[SuiteResult]) -> list[tuple[str, ...]]:
    """FUNCTIONAL_HEAD's columns, all cases of a suite first."""
    return [_row(found) for result in results for found in result.functionalities]


def functional_table(results: Sequence[SuiteResult]) -> str:
    """The same as Markdown, and how well each suite's policies are ranked."""
    rows = [cells(*FUNCTIONAL_HEAD), "|---|---|---:|---|---:|---:|---|"]
    rows += [cells(*row) for row in functional_rows(results)]
    ranked = [
        f"- {plain(result.name)}, AUROC: {', '.join(f'{policy} {number(it)}' for policy, it in result.auroc.items())}"
        for result in results
        if result.auroc
    ]
    return "\n".join([*rows, "", *ranked])


def functional_metrics(results: Sequence[SuiteResult]) -> dict[str, float]:
    """Flat names, as MLflow keeps them: the share of all cases that pass, and AUROC, by suite."""
    found = {
        f"functional.{result.name}.passed": result.functionalities[0].passed.value or 0.0
        for result in results
    }
    for result in results:
        found |= {f"functional.{result.name}.auroc.{policy}": it for policy, it in result.auroc.items()}
    return found


def _row(found: Functionality) -> tuple[str, ...]:
    verdict = "worse than the champion" if found.worse else ""
    return (
        found.suite,
        found.name,
        f"{found.cases:,}",
        figure(found.passed),
        "" if found.champion is None else number(found.champion),
        "" if found.minimum is None else number(found.minimum),
        verdict if found.is_met else "below its minimum",
    )
