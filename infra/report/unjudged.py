"""What a candidate makes of posts that nobody judged, in words and as a table."""

from __future__ import annotations

from infra.markdown import cells, plain
from models.domain.policy import market_name
from models.evaluation.report import Figure
from models.evaluation.unjudged import Acted, OnUnjudged

UNJUDGED_HEAD = (
    "policy",
    "market",
    "action",
    "judged",
    "unjudged",
    "estimated to violate",
    "limit",
    "verdict",
)

Row = tuple[str, ...]


def unjudged_rows(found: OnUnjudged) -> list[Row]:
    """UNJUDGED_HEAD's columns: every automatic action, in shares of posts."""
    return [_row(acted) for acted in found.acted]


def unjudged_notes(found: OnUnjudged) -> list[str]:
    """What it was held against, and each policy that differs there."""
    return [found.told, *(f"{it.told}." for it in found.prevalence if it.verdict in ("shifted", "unlike"))]


def unjudged_table(found: OnUnjudged) -> str:
    """Table and notes as Markdown; the notes alone where it would act on nothing."""
    lines = [f"- {plain(note)}" for note in unjudged_notes(found)]
    if rows := unjudged_rows(found):
        table = [
            cells(*UNJUDGED_HEAD),
            "|---|---|---|---:|---:|---|---:|---|",
            *(cells(*row) for row in rows),
        ]
        lines = ["Of the posts, without a person:", "", *table, "", *lines]
    return "\n".join(lines)


def _row(acted: Acted) -> Row:
    verdict = "plausible" if acted.is_plausible else "too many"
    return (
        acted.policy,
        market_name(acted.market),
        str(acted.action),
        _percent(acted.judged),
        _percent(acted.share),
        _estimate(acted.prevalence),
        _percent(acted.limit),
        "unknown" if acted.limit is None else verdict,
    )


def _estimate(found: Figure) -> str:
    if found.value is None:
        return "unknown"
    return f"{_percent(found.value)} ({_percent(found.low)} to {_percent(found.high)})"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"
