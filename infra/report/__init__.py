"""The report room: model card, plots and tables of one evaluation."""

from infra.report.card import beside_table, comparison_table, gate_table
from infra.report.effects import HEAD, TITLE, effects_notes, effects_rows, effects_summary, effects_table
from infra.report.findings import Findings
from infra.report.functional import (
    FUNCTIONAL_HEAD,
    functional_metrics,
    functional_rows,
    functional_table,
)
from infra.report.mistakes import Seen, seen
from infra.report.report import MISTAKES, number_card, write_report
from infra.report.unjudged import UNJUDGED_HEAD, unjudged_notes, unjudged_rows

__all__ = [
    "FUNCTIONAL_HEAD",
    "HEAD",
    "MISTAKES",
    "TITLE",
    "UNJUDGED_HEAD",
    "Findings",
    "Seen",
    "beside_table",
    "comparison_table",
    "effects_notes",
    "effects_rows",
    "effects_summary",
    "effects_table",
    "functional_metrics",
    "functional_rows",
    "functional_table",
    "gate_table",
    "number_card",
    "seen",
    "unjudged_notes",
    "unjudged_rows",
    "write_report",
]
