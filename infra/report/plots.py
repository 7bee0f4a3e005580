"""Precision and recall, reliability and scores, one small plot a policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics import BINS, Curve
from models.evaluation.operating_points import MAJORITY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

COLUMNS = 4


def write_plots(folder: Path, policies: tuple[str, ...], labels: Floats, probabilities: Floats) -> None:
    """Write three PNG files; labels, probabilities: [N, P]. Posts that nobody judged are left out."""
    for name, draw in {
        "precision-recall": _precision_recall,
        "reliability": _reliability,
        "scores": _scores,
    }.items():
        _figure(folder / f"{name}.png", policies, labels, probabilities, draw)


def _figure(
    path: Path,
    policies: tuple[str, ...],
    labels: Floats,
    probabilities: Floats,
    draw: Callable[[Axes, Flags, Floats], None],
) -> None:
    from matplotlib.figure import Figure

    rows = -(-len(policies) // COLUMNS)
    figure = Figure(figsize=(3 * COLUMNS, 2.6 * rows), dpi=80)
    figure.subplots_adjust(left=0.04, right=0.99, bottom=0.06, top=0.94, wspace=0.25, hspace=0.45)
    for i, policy in enumerate(policies):
        axes = figure.add_subplot(rows, COLUMNS, i + 1)
        known = ~np.isnan(labels[:, i])
        draw(axes, labels[known, i] >= MAJORITY, probabilities[known, i])
        axes.set_title(policy, fontsize=9)
        axes.set_xticks([0, 0.5, 1])
        axes.set_yticks([0, 0.5, 1])
        axes.tick_params(labelsize=7)
    figure.savefig(path)


def _precision_recall(axes: Axes, violates: Flags, scores: Floats) -> None:
    if violates.any():
        curve = Curve.of(violates, scores, np.ones((len(scores), 1), np.uint8))
        axes.plot(curve.hits[:, 0] / curve.total[0], curve.precision[:, 0], drawstyle="steps-pre")
        axes.axhline(violates.mean(), linestyle=":", linewidth=1)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.05))


def _reliability(axes: Axes, violates: Flags, scores: Floats) -> None:
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    axes.plot([0, 1], [0, 1], linestyle=":", linewidth=1)
    axes.plot([scores[part].mean() for part in parts], [violates[part].mean() for part in parts], marker=".")
    axes.set(xlim=(0, 1), ylim=(0, 1))


def _scores(axes: Axes, violates: Flags, scores: Floats) -> None:
    edges = np.linspace(0, 1, 31)
    for label, mask in (("violates", violates), ("does not", ~violates)):
        counts, _ = np.histogram(scores[mask], edges)
        axes.stairs(counts / max(1, counts.sum()), edges, label=label)
    axes.legend(fontsize=7, frameon=False, loc="upper center")
