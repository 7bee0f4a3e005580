"""The judge by simulation: false rollbacks under continuous reading, and how soon harm is stopped, beside its limit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from infra.rollout.judge import ERROR_RATE
from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_most
from tests.benchmarks.simulated_families import evidence
from tests.benchmarks.simulated_rollouts import (
    GOOD,
    HALF,
    HARMS,
    METRICS,
    READ_EVERY,
    growth,
    known,
    needed,
    posts_until,
    ranks,
    stopped,
)

ROLLOUTS, FAMILIES, BATCH = 400, 5000, 250
KAYENTA = "posts before Kayenta's way does, tuned to as few false alarms"
WALD = "posts that a test needs on average which knows both models, at the same part of the error rate (Wald)"
FALSE = Figure(
    name="false rollbacks, every guardrail, 8 policies, 5 markets, as bad as the tolerances allow",
    beside="rollouts",
    aim=at_most(ERROR_RATE),
    unit="share",
)
POSTS = {
    harm: Figure(
        name=f"{harm}: median posts before it is stopped", beside=KAYENTA, aim=at_most(most), unit="posts"
    )
    for harm, most in zip(HARMS, (9_600, 10_800, 8_400), strict=True)
}
LIMITS = {
    harm: Figure(name=f"{harm}: median posts before it is stopped, as a ratio", beside=WALD, aim=at_most(1.3))
    for harm in HARMS
}


def measure(folder: Path) -> Iterator[Seen | Table]:
    rows = []
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        most = np.concatenate(list(pool.map(_most, range(FAMILIES // BATCH))))
        yield FALSE.seen(float((most >= -np.log(ERROR_RATE)).mean()))
        equal = np.array(list(pool.map(partial(ranks, GOOD, METRICS), range(ROLLOUTS), chunksize=50)))
        tuned = np.quantile(equal.min(axis=1), ERROR_RATE)
        for harm, (metric, model) in HARMS.items():
            first, late = np.array(list(pool.map(partial(stopped, harm), range(ROLLOUTS), chunksize=25))).T
            oracle = np.array(list(pool.map(partial(known, harm), range(ROLLOUTS), chunksize=25)))
            tests = list(pool.map(partial(ranks, model, (metric,)), range(ROLLOUTS), chunksize=50))
            kayenta = posts_until(np.array(tests) < tuned)
            limits = [needed(harm, stage) / growth(harm) for stage in (0, HALF)]
            yield POSTS[harm].seen(_median(first), f"{(first > 0).mean():.1%} stopped")
            yield LIMITS[harm].seen(_median(first) / limits[0])
            medians = (*map(_median, (first, oracle)), limits[0], _median(late), limits[1], _median(kayenta))
            rows.append((harm, *(f"{posts:,.0f}" for posts in medians)))
    columns = (
        "challenger",
        f"the judge, read every {READ_EVERY} posts",
        "who knows both",
        "limit",
        "harm from the fifth stage on",
        "limit",
        "Kayenta's way",
    )
    yield Table(columns=columns, rows=tuple(rows))


def _most(seed: int) -> np.ndarray:
    return evidence(BATCH, seed, at_limit=True).max(axis=1)


def _median(posts: np.ndarray) -> float:
    """Of posts before a rollback; a rollout that nobody stopped counts as beyond all others."""
    return float(np.median(np.where(posts > 0, posts, np.inf)))


FIGURES = (FALSE, *(figure for harm in HARMS for figure in (POSTS[harm], LIMITS[harm])))
BENCH = Bench(figures=FIGURES, measure=measure, seeds=f"0 to {ROLLOUTS - 1}")
