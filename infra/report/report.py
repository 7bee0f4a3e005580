"""Write everything that one evaluation found into a folder."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infra.report.card import beside_table, card, gate_table, page
from infra.report.effects import effects_table
from infra.report.findings import Findings
from infra.report.plots import write_plots
from models.evaluation.scored import Scored

HEAD = ("dimension", "name", "posts", "policies", "average_precision", "low", "high")


def write_report(
    folder: Path, findings: Findings, scored: Scored, probabilities: NDArray[np.floating]
) -> Path:
    """Card, plots, slice table, gates and figures; replaces what `folder` held and returns it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = card(findings)
    (folder / "model-card.md").write_text(written)
    (folder / "model-card.html").write_text(page(written))
    (folder / "beside.md").write_text(beside_table(findings))
    (folder / "effects.md").write_text(effects_table(findings.effects))
    (folder / "effects.json").write_text(findings.effects.model_dump_json(indent=1))
    (folder / "gates.md").write_text(gate_table(findings))
    (folder / "gates.json").write_text(json.dumps(list(findings.checks), indent=1))
    (folder / "report.json").write_text(findings.report.model_dump_json(indent=1))
    (folder / "operating_points.json").write_text(findings.operating_points.model_dump_json(indent=1))
    if findings.comparison:
        (folder / "comparison.json").write_text(findings.comparison.model_dump_json(indent=1))
    _write_slices(folder / "slices.csv", findings)
    write_plots(folder, scored.policies, scored.labels, probabilities)
    return folder


def _write_slices(path: Path, findings: Findings) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for part in findings.report.slices:
            figure = part.average_precision
            row = (part.dimension, part.name, part.posts, " ".join(part.policies))
            writer.writerow((*row, figure.value, figure.low, figure.high))
