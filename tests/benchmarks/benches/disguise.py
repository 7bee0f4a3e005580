"""What of real violations is still found in disguise, and what of harmless texts is then taken for one.

Tweets of Davidson et al. (2017) in every perturbation that there is; docs/evasions.md shows the table. Those that are
held out are of families that no training sees (models/perturbations/base/perturbation.py). Beside `compact` learns the
same preset that knows no words again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from models.evaluation.thresholds import smallest_proven
from models.inference.scorer import Scorer
from models.perturbations import PERTURBATIONS
from models.training.fit import fit
from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_least, at_most, shared_data
from tests.support.made_up_snapshot import Row, write_snapshot

TWEETS = 6000  # of 24,783
SHARES = (
    0.7,
    0.8,
    0.85,
    1,
)  # where the splits end; thresholds are of the two behind training, the rest is unseen
REMOVE = 0.95  # the precision that the shipped policy set asks of `remove`
EITHER = 2  # the column of tweets that violate either policy
POLICIES = ("hate_speech", "profanity", "either")

MEAN = Figure(
    name="recall at `remove`, mean over perturbations that training has not seen",
    beside="a limit",
    aim=at_least(0.8),
    unit="share",
)
WORST = Figure(
    name="recall at `remove` in the worst of them", beside="a limit", aim=at_least(0.6), unit="share"
)
ALARMS = Figure(
    name="harmless tweets acted on, in the perturbation with most",
    beside="a limit",
    aim=at_most(0.1),
    unit="share",
)
QUALITY = Figure(
    name="mean average precision on plain tweets",
    beside="the same preset that knows no words again",
    aim=at_least(0.993),  # .005 of about .68
)


@dataclass(frozen=True)
class Judge:
    """A trained model with its threshold of `remove`."""

    scorer: Scorer
    at: float

    def scores(self, texts: list[str]) -> NDArray[np.float32]:
        return self.scorer.logits(texts, [None] * len(texts))

    def shares(self, texts: list[str], violates: NDArray[np.bool_]) -> tuple[float, float]:
        """Of violations and of harmless texts, what is acted on."""
        acted = self.scores(texts)[:, EITHER] >= self.at
        return acted[violates].mean(), acted[~violates].mean()


def measure(folder: Path) -> Iterator[Seen | Table]:
    tweets = pd.read_csv(shared_data("davidson.csv")).sample(TWEETS, random_state=0)
    rows = [
        Row(text, None, (float(kind == 0), float(kind == 1), float(kind < EITHER)))
        for text, kind in zip(tweets["tweet"], tweets["class"], strict=True)
    ]
    uri = write_snapshot(folder, rows, POLICIES, shares=SHARES)
    knowing, plain = (
        trained(uri, rows, preset, folder / name)
        for name, preset in (("knowing", "compact"), ("plain", "compact,unmask=false"))
    )
    unseen = rows[int(SHARES[2] * TWEETS) :]
    texts, labels = [row.text or "" for row in unseen], np.array([row.labels for row in unseen])
    yield from quality(knowing, plain, texts, labels)
    violates = labels[:, EITHER] > 0
    found = {"plain": ("", "", knowing.shares(texts, violates), plain.shares(texts, violates))}
    for perturb in PERTURBATIONS:
        rng = np.random.default_rng(0)
        disguised = [perturb(text, rng) for text in texts]
        seen = "held out" if perturb.held_out else "trained"
        both = (knowing.shares(disguised, violates), plain.shares(disguised, violates))
        found[perturb.name] = (perturb.about, seen, *both)
    yield from recalls({it.name: found[it.name] for it in PERTURBATIONS if it.held_out and it.readable})
    worst = max((it.name for it in PERTURBATIONS), key=lambda name: found[name][2][1])
    least = max((it.name for it in PERTURBATIONS), key=lambda name: found[name][3][1])
    alarms = found[worst][2][1]
    yield ALARMS.seen(
        alarms, f"{worst}; plain {found['plain'][2][1]:.1%}; without: {found[least][3][1]:.1%}, {least}"
    )
    yield Table(
        columns=("perturbation", "what it is", "", "found", "without", "harmless acted on", "without"),
        rows=tuple(
            (name, about, seen, *(f"{share:.0%}" for share in (one[0], other[0], one[1], other[1])))
            for name, (about, seen, one, other) in found.items()
        ),
    )


def trained(uri: str, rows: list[Row], preset: str, folder: Path) -> Judge:
    report = fit(uri, preset=preset, seed=0, folder=folder, threads=1, modalities=("text",))
    scorer = Scorer.load(report.model, threads=1)
    judged = rows[int(SHARES[0] * TWEETS) : int(SHARES[2] * TWEETS)]
    scores = scorer.logits([row.text for row in judged], [None] * len(judged))[:, EITHER]
    found, best = smallest_proven(scores, np.array([row.labels[EITHER] for row in judged]) > 0, REMOVE)
    assert found is not None, f"no threshold is proven; the best bound is {best:.3f}"
    return Judge(scorer, found.at)


def quality(knowing: Judge, plain: Judge, texts: list[str], labels: NDArray[np.floating]) -> Iterator[Seen]:
    ours, theirs = (
        np.mean([average_precision_score(labels[:, column], scores[:, column]) for column in range(EITHER)])
        for scores in (knowing.scores(texts), plain.scores(texts))
    )
    yield QUALITY.seen(ours / theirs, f"{ours:.3f} beside {theirs:.3f}")


def recalls(found: dict[str, tuple[str, str, tuple[float, float], tuple[float, float]]]) -> Iterator[Seen]:
    """Of the held-out perturbations that a person reads."""
    ours = {name: one[0] for name, (_, _, one, _) in found.items()}
    theirs = {name: other[0] for name, (_, _, _, other) in found.items()}
    worst, before = min(ours, key=ours.__getitem__), min(theirs, key=theirs.__getitem__)
    yield MEAN.seen(np.mean([*ours.values()]), f"without: {np.mean([*theirs.values()]):.3f}")
    yield WORST.seen(ours[worst], f"{worst}; without: {theirs[before]:.3f}, {before}")


BENCH = Bench(figures=(QUALITY, MEAN, WORST, ALARMS), measure=measure, seeds="0", limit_seconds=3600)
