"""The report room: model card, plots and tables of one evaluation."""

from infra.report.card import beside_table, comparison_table, gate_table
from infra.report.effects import HEAD, TITLE, effects_notes, effects_rows, effects_summary, effects_table
from infra.report.findings import Findings
from infra.report.report import write_report

__all__ = [
    "HEAD",
    "TITLE",
    "Findings",
    "beside_table",
    "comparison_table",
    "effects_notes",
    "effects_rows",
    "effects_summary",
    "effects_table",
    "gate_table",
    "write_report",
]
