"""Data Docs of one validation: a single page that opens anywhere, without scripts and without another host.

Great Expectations' own pages fetch styles, icons and scripts from five hosts and show what posts say as HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from expectations.running import Outcome, ValidationReport
from models.domain.offline_page import offline_page

MAX_VALUES = 20  # values and rows of one expectation
BOUNDS = {"min_value": "at least", "max_value": "at most", "value_set": "one of", "regex": "matches"}


def write_page(report: ValidationReport, title: str, folder: Path) -> Path:
    """Write `folder`/index.html and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text(offline_page(f"Data Docs: {title}", "\n".join(_body(report, title))), encoding="utf-8")
    return path


def _body(report: ValidationReport, title: str) -> Iterator[str]:
    met = sum(bool(outcome.result.success) for outcome in report.outcomes)
    yield f"<h1>Data Docs: {escape(title)}</h1>"
    yield (
        f"<p>{met} of {len(report.outcomes)} expectations are met; of the others {len(report.failures)} stop the run "
        f"and {len(report.warnings)} are warnings. Validated {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>"
    )
    unmet = sorted((it for it in report.outcomes if not it.result.success), key=lambda it: not it.critical)
    if unmet:
        yield "<h2>Not met</h2>"
        yield from map(_row, unmet)
    for (suite, part), outcomes in groupby(report.outcomes, key=lambda it: (it.suite, it.part)):
        yield f"<h2>{escape(suite)}, {escape(part)}</h2>"
        yield from map(_row, outcomes)


def _row(outcome: Outcome) -> str:
    config = outcome.result.expectation_config
    kind, status = _status(outcome)
    bounds = [
        f"{said} {config.kwargs[name]}"
        for name, said in BOUNDS.items()
        if config.kwargs.get(name) is not None
    ]
    asked = f"{config.kwargs.get('column', '')} {', '.join(bounds)}"
    described = escape(config.description or config.type)
    return (
        f'<div class="row"><p class="{kind}">{status}</p>'
        f"<p>{described}<small>{escape(config.type)}: {escape(asked)}</small></p>"
        f"<p>{_seen(outcome.result.result, outcome)}</p></div>"
    )


def _status(outcome: Outcome) -> tuple[str, str]:
    if outcome.result.success:
        return "met", "&#10003; met"
    return ("failed", "&#10007; not met") if outcome.critical else ("warning", "! warning")


def _seen(found: dict[str, Any], outcome: Outcome) -> str:
    """What was counted, with a few of the values and the rows that did not fit."""
    if "element_count" not in found:
        return escape(str(found or outcome.result.exception_info))
    counted = f"{found['unexpected_count']:,} of {found['element_count']:,} do not fit"
    if not found["unexpected_count"]:
        return counted
    values = list(dict.fromkeys(map(str, found.get("partial_unexpected_list") or [])))[:MAX_VALUES]
    rows = [" ".join(map(str, index.values())) for index in found.get("partial_unexpected_index_list") or []][
        :MAX_VALUES
    ]
    told = "".join(
        f"<small>{what}: {', '.join(f'<code>{escape(it)}</code>' for it in shown)}</small>"
        for what, shown in (("values", values), ("rows", rows))
        if shown
    )
    return counted + told
