"""Write everything that one evaluation found into a folder."""

from __future__ import annotations

import csv
import json
import logging
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infra.report.card import beside_table, card, gate_table
from infra.report.effects import effects_table
from infra.report.findings import Findings
from infra.report.functional import functional_table
from infra.report.mistakes import table
from infra.report.page import numbered, page
from infra.report.pdf import printed
from infra.report.plots import write_plots
from models.evaluation.predictions import Scored

LOG = logging.getLogger(__name__)
PAGE, PDF = "model-card.html", "model-card.pdf"
MISTAKES = "worst-mistakes.json"
COLUMN_NAMES = ("dimension", "name", "posts", "policies", "average_precision", "low", "high")


def write_report(
    folder: Path, findings: Findings, scored: Scored, probabilities: NDArray[np.floating]
) -> Path:
    """Card, plots, slice table, gates and figures; replaces what `folder` held and returns it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_plots(folder, scored, probabilities, findings.operating_points)
    written = card(findings)
    (folder / "model-card.md").write_text(written)
    (folder / PAGE).write_text(page(findings, written, folder))
    if findings.mistakes:
        (folder / MISTAKES).write_text(table(findings.mistakes))
    (folder / "beside.md").write_text(beside_table(findings))
    (folder / "effects.md").write_text(effects_table(findings.effects))
    (folder / "effects.json").write_text(findings.effects.model_dump_json(indent=1))
    (folder / "gates.md").write_text(gate_table(findings))
    (folder / "gates.json").write_text(json.dumps(list(findings.checks), indent=1))
    (folder / "report.json").write_text(findings.report.model_dump_json(indent=1))
    (folder / "operating_points.json").write_text(findings.operating_points.model_dump_json(indent=1))
    if findings.functional:
        (folder / "functional.md").write_text(functional_table(findings.functional))
        results = [result.model_dump(mode="json") for result in findings.functional]
        (folder / "functional.json").write_text(json.dumps(results, indent=1))
    if findings.comparison:
        (folder / "comparison.json").write_text(findings.comparison.model_dump_json(indent=1))
    _write_slices(folder / "slices.csv", findings)
    return folder


def number_card(folder: Path, version: int, *, pdf: bool) -> list[Path]:
    """Say on the card in `folder` which version it became, and print it where that is wanted; the files written."""
    path = folder / PAGE
    path.write_text(numbered(path.read_text(), version))
    if pdf and not (why := printed(path, folder / PDF)):
        return [path, folder / PDF]
    if pdf:
        LOG.info("the card is not printed: %s", why)
    return [path]


def _write_slices(path: Path, findings: Findings) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMN_NAMES)
        for part in findings.report.slices:
            figure = part.average_precision
            row = (part.dimension, part.name, part.posts, " ".join(part.policies))
            writer.writerow((*row, figure.value, figure.low, figure.high))
