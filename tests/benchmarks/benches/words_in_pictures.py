"""What reading wins: violations that only a drawn word shows, found with `reads=ocr` and without, on simulated posts.

Speech bubbles of the simulator, in half of which the word is profane and in half harmless, beside as many other posts;
seven in ten are trained and validated on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from infra.simulator.plan import BLOCK_POSTS
from infra.simulator.platform import Platform
from models.evaluation.predictions import score_splits
from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.presets import job_on
from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_least, at_most
from tests.support.made_up_snapshot import Row, write_snapshot

SEED, POLICY = 7, "profanity"
POSTS = (200, 800)
ALARMS = 0.05  # share of harmless bubbles that may be taken for violations
FOUND = 0.9  # share of violations that are found where the alarms among all that is harmless are counted
SHARES = (0.6, 0.7, 0.71, 1.0)  # of the splits
PRESETS = {"compact": "compact,folds=0", "compact,reads=ocr": "compact,folds=0,reads=ocr"}

GAIN = Figure(
    name=f"average precision of words that only a picture shows, {POSTS[0]} posts",
    beside="the same preset without reads=ocr",
    aim=at_least(1.2),
)
HARMLESS = Figure(
    name=f"harmless posts taken for violations where {FOUND:.0%} of these are found, {POSTS[0]} posts",
    beside="a limit",
    aim=at_most(0.05),
    unit="share",
)


@dataclass(frozen=True)
class Told:
    """Of the test split's bubbles: how many, average precision, violations found at ALARMS; and harmless posts taken
    for violations at FOUND.
    """

    bubbles: int
    precision: float
    recall: float
    alarms: float


def rows(posts: int) -> tuple[list[Row], list[bool]]:
    """So many posts, in an order that says nothing, and which show a bubble."""
    platform, rude, plain, others = Platform(SEED), [], [], []
    number = 0
    while min(len(rude), len(plain)) * 4 < posts:
        batch = platform.block(1 + number // 5, number % 5, BLOCK_POSTS)
        for post, truth in zip(batch.posts.to_pylist(), batch.truth.to_pylist(), strict=True):
            shown = dict(zip(truth["policies"], truth["modalities"], strict=True)).get(POLICY)
            row = Row(post["text"], post["image"], (float(shown is not None),))
            if truth["drawing"] == "bubble" and shown in (None, "image"):
                (rude if shown else plain).append(row)
            elif shown is None:
                others.append(row)
        number += 1
    chosen = [*rude[: posts // 4], *plain[: posts // 4], *others[: posts // 2]]
    bubbles = np.arange(len(chosen)) < posts // 4 * 2
    order = np.random.default_rng(SEED).permutation(len(chosen))
    return [chosen[place] for place in order], bubbles[order].tolist()


def told(scorer: Scorer, uri: str, bubbles: list[bool]) -> Told:
    scored = score_splits(scorer, uri, ["test"])
    shown = np.array([bubbles[int(post.removeprefix("p"))] for post in scored.post_id])
    labels, logits = scored.labels[shown, 0], scored.logits[shown, 0]
    limit = np.quantile(logits[labels == 0], 1 - ALARMS)
    harmless = scored.logits[scored.labels[:, 0] == 0, 0]
    return Told(
        bubbles=len(labels),
        precision=float(average_precision_score(labels, logits)),
        recall=float((logits[labels == 1] > limit).mean()),
        alarms=float((harmless >= np.quantile(logits[labels == 1], 1 - FOUND)).mean()),
    )


def measure(folder: Path) -> Iterator[Seen | Table]:
    found: dict[tuple[int, str], Told] = {}
    for posts in POSTS:
        place = folder / f"{posts}"
        place.mkdir()
        made, bubbles = rows(posts)
        uri = write_snapshot(place, made, (POLICY,), shares=SHARES)
        for name, preset in PRESETS.items():
            job = job_on(uri, preset=preset, seed=SEED, folder=place / name, embeddings=f"{folder}/kept")
            found[posts, name] = told(Scorer.load(fit(job).model), uri, bubbles)
    without, ours = (found[POSTS[0], name] for name in PRESETS)
    note = f"{ours.precision:.3f} beside {without.precision:.3f}, {ours.bubbles} bubbles"
    yield GAIN.seen(ours.precision / without.precision, note)
    yield HARMLESS.seen(ours.alarms, f"without {without.alarms:.1%}")
    yield Table(
        columns=(
            "posts",
            "preset",
            "average precision on the test split's bubbles",
            f"profane ones found where {ALARMS:.0%} of the harmless are taken for such",
            f"harmless posts taken for profane where {FOUND:.0%} of those are found",
        ),
        rows=tuple(
            (
                f"{posts}, {it.bubbles} test bubbles",
                f"`{name}`",
                f"{it.precision:.3f}",
                f"{it.recall:.0%}",
                f"{it.alarms:.1%}",
            )
            for (posts, name), it in found.items()
        ),
    )


BENCH = Bench(figures=(GAIN, HARMLESS), measure=measure, seeds=f"{SEED}")
