"""The report room: model card, plots and tables of one evaluation."""

from infra.report.card import beside_table, comparison_table, gate_table
from infra.report.findings import Findings
from infra.report.report import write_report

__all__ = ["Findings", "beside_table", "comparison_table", "gate_table", "write_report"]
