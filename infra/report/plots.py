"""Precision and recall, reliability and scores, one small plot a policy, each with the thresholds that it is about."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.domain.content import Action
from models.domain.policy import DEFAULT_MARKET, market_name
from models.evaluation.metrics import BINS, Curve
from models.evaluation.operating_points import OperatingPoints
from models.evaluation.predictions import Scored
from models.evaluation.thresholds import MAJORITY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

COLUMNS, WIDTH, ROW = 4, 3.0, 2.35  # plots side by side; inches of one
EDGE = 0.55  # inches for what is written at the four sides
DOTS = 110  # a inch
SHADES = 128  # colours of a file
MIN_PROBABILITY = 1e-3  # probability that still has a place of its own on a logarithmic axis
COLOURS = {
    Action.LIMIT: "#c99700",
    Action.AGE_GATE: "#d9641e",
    Action.REVIEW: "#7a4fc9",
    Action.REMOVE: "#c4262e",
}
SHAPES = {Action.LIMIT: "o", Action.AGE_GATE: "s", Action.REVIEW: "^", Action.REMOVE: "D"}
LINE, SOFT = "#2f6fdb", "#8a8f98"


@dataclass(frozen=True)
class Judged:
    """What one plot is drawn from: the judged posts of a policy [M], and its thresholds where a market has none."""

    policy: str
    violates: Flags
    scores: Floats
    thresholds: dict[Action, float]


@dataclass(frozen=True)
class Kind:
    """A figure: what its two axes are, and how one of its plots is drawn."""

    across: str
    upwards: str
    draw: Callable[[Axes, Judged], None]


def write_plots(folder: Path, scored: Scored, probabilities: Floats, points: OperatingPoints) -> None:
    """Write three PNG files; probabilities: calibrated [N, P].

    Posts that nobody judged are left out, and so are policies of which no judged post violates, or each does.
    """
    judged = [
        it for it in _judged(scored, probabilities, points) if it.violates.any() and not it.violates.all()
    ]
    for name, kind in KINDS.items():
        if judged:
            _write(folder / f"{name}.png", kind, judged)


def _judged(scored: Scored, probabilities: Floats, points: OperatingPoints) -> list[Judged]:
    found = []
    for i, policy in enumerate(scored.policies):
        known = ~np.isnan(scored.labels[:, i])
        thresholds = {
            point.action: point.threshold
            for point in points.of(DEFAULT_MARKET)
            if point.policy == policy and point.threshold is not None
        }
        found.append(Judged(policy, scored.labels[known, i] >= MAJORITY, probabilities[known, i], thresholds))
    return found


def _write(path: Path, kind: Kind, judged: list[Judged]) -> None:
    from matplotlib.figure import Figure

    rows, columns = -(-len(judged) // COLUMNS), min(COLUMNS, len(judged))
    wide, high = WIDTH * max(2, columns) + EDGE, ROW * rows + 2 * EDGE
    figure = Figure(figsize=(wide, high), dpi=DOTS)
    figure.subplots_adjust(
        left=1.35 * EDGE / wide, right=1 - 0.2 * EDGE / wide, bottom=EDGE * 1.25 / high, top=1 - 1.05 * EDGE / high,
        wspace=0.24, hspace=0.42,
    )  # fmt: skip
    for i, it in enumerate(judged):
        axes = figure.add_subplot(rows, columns, i + 1)
        kind.draw(axes, it)
        axes.minorticks_off()  # they and a title that looks for its place were half of the time
        axes.set_title(f"{it.policy}: {it.violates.sum()} of {len(it.violates)} violate", fontsize=8, y=1)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, linewidth=0.4, alpha=0.5)
    figure.supxlabel(kind.across, fontsize=9, y=0.25 * EDGE / high)
    figure.supylabel(kind.upwards, fontsize=9, x=0.2 * EDGE / wide)
    figure.legend(handles=_legend(kind, judged), loc="upper center", ncols=8, fontsize=8, frameon=False)
    path.write_bytes(_png(figure))


def _png(figure: Any) -> bytes:
    """Few colours: a third of the bytes, which the card carries with it."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", pil_kwargs={"compress_level": 1})
    few = (
        Image.open(drawn).convert("RGB").quantize(SHADES, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    )
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


def _legend(kind: Kind, judged: list[Judged]) -> list[Any]:
    from matplotlib.lines import Line2D

    asked = {action for it in judged for action in it.thresholds}
    as_points = kind.draw is _precision_recall
    thresholds = [
        Line2D(
            [], [], color=colour, markersize=5, label=f"{action}, {market_name(DEFAULT_MARKET)}".replace("_", "-"),
            marker=SHAPES[action] if as_points else "", linestyle="none" if as_points else "-",
        )
        for action, colour in COLOURS.items()
        if action in asked
    ]  # fmt: skip
    return [*(Line2D([], [], **told) for told in LEGENDS[kind.draw]), *thresholds]


def _precision_recall(axes: Axes, judged: Judged) -> None:
    violates, scores = judged.violates, judged.scores
    curve = Curve.of(violates, scores, np.ones((len(scores), 1), np.uint8))
    axes.plot(curve.hits[:, 0] / curve.total[0], curve.precision[:, 0], drawstyle="steps-pre", color=LINE)
    axes.axhline(violates.mean(), linestyle=":", linewidth=1, color=SOFT)
    for action, threshold in judged.thresholds.items():
        acted = scores >= threshold
        if acted.any():
            hits = (violates & acted).sum()
            place = hits / violates.sum(), hits / acted.sum()
            axes.plot(*place, SHAPES[action], markersize=5, color=COLOURS[action])
    axes.set(xlim=(0, 1.03), ylim=(0, 1.05), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))


def _reliability(axes: Axes, judged: Judged) -> None:
    """Bins of equally many posts, as the calibration error has them, with what their few posts do not rule out."""
    from scipy.stats import beta

    order = np.argsort(judged.scores, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    said = np.array([judged.scores[part].mean() for part in parts])
    hits, posts = (
        np.array(it) for it in zip(*((judged.violates[p].sum(), len(p)) for p in parts), strict=True)
    )
    low, high = (beta.ppf(q, hits + 0.5, posts - hits + 0.5) for q in (0.025, 0.975))  # Jeffreys' interval
    axes.plot([MIN_PROBABILITY, 1], [MIN_PROBABILITY, 1], linestyle=":", linewidth=1, color=SOFT)
    shown = np.maximum(said, MIN_PROBABILITY)
    axes.vlines(shown, np.maximum(low, MIN_PROBABILITY), high, color=LINE, linewidth=1.2, alpha=0.6)
    axes.plot(shown, np.maximum(hits / posts, MIN_PROBABILITY), "o", markersize=3.5, color=LINE)
    _thresholds(axes, judged)
    axes.set(
        xscale="log", yscale="log", xlim=(MIN_PROBABILITY * 0.8, 1.15), ylim=(MIN_PROBABILITY * 0.8, 1.15)
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")


def _scores(axes: Axes, judged: Judged) -> None:
    edges = np.linspace(0, 1, 26)
    for mask, colour in ((~judged.violates, SOFT), (judged.violates, LINE)):
        counts, _ = np.histogram(judged.scores[mask], edges)
        axes.stairs(counts, edges, fill=True, color=colour, alpha=0.6)
    _thresholds(axes, judged)
    axes.set(yscale="log", xlim=(0, 1), xticks=(0, 0.5, 1))
    axes.set_ylim(bottom=0.7)
    axes.yaxis.set_major_formatter("{x:g}")


def _thresholds(axes: Axes, judged: Judged) -> None:
    for action, threshold in judged.thresholds.items():
        axes.axvline(threshold, color=COLOURS[action], linewidth=1.1)


LEGENDS: dict[Callable[[Axes, Judged], None], list[dict[str, Any]]] = {
    _precision_recall: [
        {"color": LINE, "label": "this model"},
        {"color": SOFT, "linestyle": ":", "label": "chance"},
    ],
    _reliability: [
        {"color": LINE, "marker": "o", "markersize": 3.5, "label": "a tenth of the posts, 95 % interval"},
        {"color": SOFT, "linestyle": ":", "label": "as the model says"},
    ],
    _scores: [
        {"color": LINE, "linewidth": 6, "alpha": 0.6, "label": "violates"},
        {"color": SOFT, "linewidth": 6, "alpha": 0.6, "label": "does not"},
    ],
}
KINDS = {
    "precision-recall": Kind(
        "recall: share of the violations that are found",
        "precision: share of the found that violates",
        _precision_recall,
    ),
    "reliability": Kind(
        f"probability that the model gives ({MIN_PROBABILITY:g} and less: at the edge)",
        f"share that violates ({MIN_PROBABILITY:g} and less: at the edge)",
        _reliability,
    ),
    "scores": Kind("probability that the model gives", "judged test posts", _scores),
}
