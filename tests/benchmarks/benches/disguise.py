"""What of real violations is still found in disguise, and what of harmless texts is then taken for one.

Tweets of Davidson et al. (2017) in every perturbation that there is; docs/evasions.md shows the table. Those that are
held out are of families that no training sees (models/perturbations/base/perturbation.py). Beside `compact` learns the
same preset that knows no words again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from models.evaluation.thresholds import smallest_proven
from models.inference.scorer import Scorer
from models.perturbations import PERTURBATIONS
from models.perturbations.base.perturbation import Perturbation
from models.training.fit import fit
from models.training.presets import job_on
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
POLICIES = ("hate_speech", "profanity")
FOUND = 1  # the column of what is looked for: of hate, so few tweets prove no threshold

MEAN = Figure(
    name="profanity found at `remove`, mean over perturbations that training has not seen",
    beside="what is found of it in plain tweets",
    aim=at_least(0.92),  # .80 where .87 are found
)
WORST = Figure(
    name="profanity found at `remove` in the worst of them",
    beside="what is found of it in plain tweets",
    aim=at_least(0.69),  # .60 where .87 are found
)
ALARMS = Figure(
    name="harmless tweets acted on, in the perturbation with most that a person reads",
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

    def shares(self, texts: list[str], labels: NDArray[np.floating]) -> Shares:
        acted = self.scores(texts)[:, FOUND] >= self.at
        return Shares(acted[labels[:, FOUND] > 0].mean(), acted[~(labels > 0).any(axis=1)].mean())


class Shares(NamedTuple):
    """What is acted on of profanity, and of tweets that violate nothing."""

    found: float
    alarms: float


Both = tuple[Shares, Shares]  # of the model that knows words again, and of the one that does not


def measure(folder: Path) -> Iterator[Seen | Table]:
    tweets = pd.read_csv(shared_data("davidson.csv")).sample(TWEETS, random_state=0)
    rows = [
        Row(text, None, (float(kind == 0), float(kind == 1)))
        for text, kind in zip(tweets["tweet"], tweets["class"], strict=True)
    ]
    uri = write_snapshot(folder, rows, POLICIES, shares=SHARES)
    knowing, without = (
        trained(uri, rows, preset, folder / name)
        for name, preset in (("knowing", "compact"), ("without", "compact,unmask=false"))
    )
    unseen = rows[int(SHARES[2] * TWEETS) :]
    texts, labels = [row.text or "" for row in unseen], np.array([row.labels for row in unseen])
    yield from quality(knowing, without, texts, labels)
    plain = (knowing.shares(texts, labels), without.shares(texts, labels))
    shares: dict[Perturbation, Both] = {}
    for perturb in PERTURBATIONS:
        rng = np.random.default_rng(0)
        disguised = [perturb(text, rng) for text in texts]
        shares[perturb] = (knowing.shares(disguised, labels), without.shares(disguised, labels))
    yield from told({it: found for it, found in shares.items() if it.readable}, plain)
    rows_of = {(it.name, it.about, "held out" if it.held_out else "trained"): shares[it] for it in shares}
    yield Table(
        columns=("perturbation", "what it is", "", "found", "without", "harmless acted on", "without"),
        rows=tuple(
            (*of, *(f"{share:.0%}" for share in (one.found, other.found, one.alarms, other.alarms)))
            for of, (one, other) in {("plain", "", ""): plain, **rows_of}.items()
        ),
    )


def told(shares: dict[Perturbation, Both], plain: Both) -> Iterator[Seen]:
    held_out = [it for it in shares if it.held_out]
    now, before = (
        {it.name: shares[it][which].found / plain[which].found for it in held_out} for which in (0, 1)
    )
    note = f"of {plain[0].found:.3f}; without: "
    yield MEAN.seen(
        np.mean([*now.values()]), f"{note}{np.mean([*before.values()]):.3f} of {plain[1].found:.3f}"
    )
    worst, lowest = min(now, key=now.__getitem__), min(before, key=before.__getitem__)
    yield WORST.seen(now[worst], f"{worst}, {note}{before[lowest]:.3f}, {lowest}")
    most, highest = (max(shares, key=lambda it, which=which: shares[it][which].alarms) for which in (0, 1))
    yield ALARMS.seen(
        shares[most][0].alarms,
        f"{most.name}; plain: {plain[0].alarms:.1%}; without: {shares[highest][1].alarms:.1%}, {highest.name}",
    )


def trained(uri: str, rows: list[Row], preset: str, folder: Path) -> Judge:
    report = fit(job_on(uri, preset=preset, seed=0, folder=folder, threads=1, modalities=("text",)))
    scorer = Scorer.load(report.model, threads=1)
    judged = rows[int(SHARES[0] * TWEETS) : int(SHARES[2] * TWEETS)]
    scores = scorer.logits([row.text for row in judged], [None] * len(judged))[:, FOUND]
    found, best = smallest_proven(scores, np.array([row.labels[FOUND] for row in judged]) > 0, REMOVE)
    assert found is not None, f"no threshold is proven; the best bound is {best:.3f}"
    return Judge(scorer, found.at)


def quality(knowing: Judge, without: Judge, texts: list[str], labels: NDArray[np.floating]) -> Iterator[Seen]:
    ours, theirs = (
        np.mean(
            [average_precision_score(labels[:, column], scores[:, column]) for column in range(len(POLICIES))]
        )
        for scores in (knowing.scores(texts), without.scores(texts))
    )
    yield QUALITY.seen(ours / theirs, f"{ours:.3f} beside {theirs:.3f}")


BENCH = Bench(figures=(QUALITY, MEAN, WORST, ALARMS), measure=measure, seeds="0", limit_seconds=3600)
