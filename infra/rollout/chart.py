"""A rollout for people: its stages, every reading of its guardrails, and how the evidence grew."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from infra.rollout.controller import Step
from infra.rollout.guardrail import Reading, shown

SHOWN = 8  # lines of the plot: those that came closest to a verdict


@dataclass
class Story:
    """What was seen at each look, as far as this process looked."""

    times: list[datetime] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    harms: dict[str, list[float]] = field(default_factory=dict)

    def add(self, step: Step, now: datetime) -> None:
        self.times.append(now)
        self.shares.append(step.rollout.share)
        for reading in step.judgement.readings:
            line = self.harms.setdefault(f"{reading.guardrail}: {reading.subject}", [])
            line += [0.0] * (len(self.times) - 1 - len(line))
            line.append(max(0.0, reading.harm))


def table(step: Step) -> str:
    """Markdown: how the rollout stands, and each guardrail's estimates with their confidence sequences."""
    rollout = step.rollout
    stands = f"**Version {rollout.challenger} beside champion {rollout.champion}: {rollout.status}**"
    lines = [
        f"{stands}, stage {rollout.current.name}, {rollout.share:.0%} of the traffic, {step.posts} posts in this stage",
        "",
        rollout.reason,
        "",
        "| guardrail | subject | challenger | champion | allowed | evidence of harm | verdict |",
        "|---|---|---|---|---|---|---|",
        *(_row(reading) for reading in step.judgement.readings),
    ]
    return "\n".join(lines)


def _row(reading: Reading) -> str:
    ours, theirs = (shown(found) for found in (reading.challenger, reading.champion))
    verdict = reading.verdict if reading.binding else f"{reading.verdict} (dry run)"
    cells = (
        reading.guardrail,
        reading.subject,
        ours,
        theirs,
        reading.allowed,
        f"{max(0, reading.harm):.0%}",
        verdict,
    )
    return f"| {' | '.join(cells)} |"


def plot(story: Story) -> bytes:
    """A PNG: the challenger's share, and the evidence of harm that came closest to a verdict, over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    for name, line in _closest(story.harms.items()):
        above.plot(story.times[-len(line) :], line, label=name)
    above.axhline(1.0, color="black", linestyle="--", label="unhealthy from here on")
    above.set(ylabel="evidence of harm", ylim=(0, 1.5))
    above.legend(loc="upper left", fontsize=7)
    below.step(story.times, story.shares, where="post")
    below.set(ylabel="share", ylim=(-0.05, 1.05))
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()


def _closest(harms: Iterable[tuple[str, Sequence[float]]]) -> list[tuple[str, Sequence[float]]]:
    return sorted(harms, key=lambda item: -max(item[1]))[:SHOWN]
