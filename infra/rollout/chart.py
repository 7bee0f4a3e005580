"""A rollout for people: its stages, every reading of its guardrails, and how the evidence grew."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from infra.markdown import cells, plain
from infra.rollout.controller import Step
from infra.rollout.guardrail import Reading, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_LINES = 6  # lines of a plot
SEEN = 0.005  # evidence from which on a line is told from none
VERDICT = 1.0  # evidence from which on there is one
LINEAR_UP_TO = (
    2.5  # times a verdict's evidence, up to which it is drawn to scale; what is beyond, logarithmically
)
Lines = dict[str, list[float]]


@dataclass
class Story:
    """What was seen at each look, as far as this process looked.

    harms, healths: by guardrail and subject, the evidence at each look as a share of what a verdict takes; of health,
    only what must be shown for a stage to end. together: the evidence of harm in all of them.
    """

    times: list[datetime] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    harms: Lines = field(default_factory=dict)
    healths: Lines = field(default_factory=dict)
    together: list[float] = field(default_factory=list)

    def add(self, step: Step, now: datetime) -> None:
        self.times.append(now)
        self.shares.append(step.rollout.share)
        self.together.append(max(0.0, step.judgement.harm))
        for reading in step.judgement.readings:
            self._add(self.harms, reading, reading.harm)
            if reading.decisive:
                self._add(self.healths, reading, reading.health)

    def _add(self, lines: Lines, reading: Reading, value: float) -> None:
        line = lines.setdefault(f"{reading.guardrail}: {reading.subject}", [])
        line += [0.0] * (len(self.times) - 1 - len(line))
        line.append(max(0.0, value))


def table(step: Step) -> str:
    """Markdown: how the rollout stands, and each guardrail's estimates with their confidence sequences."""
    rollout = step.rollout
    stands = f"**Version {rollout.challenger} beside champion {rollout.champion}: {rollout.status}**"
    stage = f"stage {plain(rollout.current.name)}, {rollout.share:.0%} of the traffic"
    lines = [
        f"{stands}, {stage}, {step.posts} posts in this stage",
        "",
        plain(rollout.reason),
        "",
        "| guardrail | subject | challenger | champion | allowed | evidence of harm | verdict |",
        "|---|---|---|---|---|---|---|",
        *(_row(reading) for reading in step.judgement.readings),
    ]
    return "\n".join(lines)


def _row(reading: Reading) -> str:
    ours, theirs = (shown(found) for found in (reading.challenger, reading.champion))
    verdict = reading.verdict if reading.binding else f"{reading.verdict} (dry run)"
    return cells(
        reading.guardrail,
        reading.subject,
        ours,
        theirs,
        reading.allowed,
        f"{max(0, reading.harm):.0%}",
        verdict,
    )


def plot(story: Story) -> bytes:
    """A PNG over time: the evidence of harm that came closest to a verdict, that of health, the challenger's share."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7.5), layout="constrained")
    harm, health, share = figure.subplots(3, sharex=True, height_ratios=(3, 2.2, 1))
    _evidence(harm, story, story.harms, "harm", "unhealthy from here on", "#c4262e")
    _evidence(health, story, story.healths, "health", "healthy from here on", "#1a7f37")
    share.step(story.times, story.shares, where="post", marker=_marker(story))
    share.fill_between(story.times, story.shares, step="post", alpha=0.2)
    share.set(ylabel="share of traffic", ylim=(-0.03, 1.05), xlabel="time (UTC)")
    share.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    share.xaxis.set_major_locator(locator)
    share.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()


def _evidence(axes: Axes, story: Story, lines: Lines, told: str, verdict: str, colour: str) -> None:
    """The lines that decide and the threshold of a verdict, all of them within the frame."""
    most = max([VERDICT, *(value for line in lines.values() for value in line)])
    for name, line in _harmful(lines) if told == "harm" else _awaited(lines):
        label = f"{name}, {line[-1]:.0%}"
        axes.plot(
            np.array(story.times[-len(line) :]), line, label=label, marker=_marker(story), clip_on=False
        )
    if told == "harm" and max(story.together, default=0.0) >= SEEN:
        most = max(most, *story.together)
        label = f"all together, {story.together[-1]:.0%}"
        axes.plot(np.array(story.times), story.together, label=label, marker=_marker(story), color="#667")
    axes.axhline(VERDICT, color=colour, linestyle="--", linewidth=1)
    axes.text(
        1, VERDICT, f"{verdict} ", color=colour, fontsize=8, ha="right", va="bottom",
        transform=axes.get_yaxis_transform(),
    )  # fmt: skip
    if most > LINEAR_UP_TO:
        axes.set_yscale("symlog", linthresh=VERDICT)
    axes.set(ylabel=f"evidence of {told}", ylim=(0, 1.15 * most if most <= LINEAR_UP_TO else 1.5 * most))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(visible=True, linewidth=0.4, alpha=0.5)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=7, frameon=False)
    else:
        none = f"none in {len(lines)} comparisons" if lines else "nothing was compared yet"
        axes.text(0.5, 0.5, none, transform=axes.transAxes, ha="center", color="#667")


def _marker(story: Story) -> str:
    """One look has no line."""
    return "o" if len(story.times) == 1 else ""


def _harmful(lines: Lines) -> list[tuple[str, list[float]]]:
    """Those with evidence, the most first."""
    found = [item for item in lines.items() if max(item[1]) >= SEEN]
    return sorted(found, key=lambda item: -max(item[1]))[:MAX_LINES]


def _awaited(lines: Lines) -> list[tuple[str, list[float]]]:
    """Those that a stage waits for, the least healthy first."""
    return sorted(lines.items(), key=lambda item: item[1][-1])[:MAX_LINES]
