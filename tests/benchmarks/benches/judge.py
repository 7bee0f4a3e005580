"""The judge by simulation: false rollbacks under continuous reading, and how soon harm is stopped, beside its peers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_most
from tests.benchmarks.simulated_rollouts import READ_EVERY, READINGS, SCENARIOS, stopped

ROLLOUTS = 2000
LONGEST = READ_EVERY * READINGS  # posts of the challenger, after which a rollout that nobody stopped counts
PEERS = ("the judge", "fixed interval, 5 failures (Flagger)", "repeated Mann-Whitney (Kayenta)")
EQUAL, *HARMS = SCENARIOS
KAYENTA = "posts before Kayenta's way does, tuned to as few false alarms"
FALSE = Figure(
    name="false rollbacks of an equal challenger", beside="rollouts", aim=at_most(0.01), unit="share"
)
POSTS = {
    harm: Figure(
        name=f"{harm}: median posts before it is stopped", beside=KAYENTA, aim=at_most(most), unit="posts"
    )
    for harm, most in zip(HARMS, (9_600, 10_800, 8_400), strict=True)
}


def measure(folder: Path) -> Iterator[Seen | Table]:
    rows = []
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for scenario in SCENARIOS:
            found = np.array(list(pool.map(partial(stopped, scenario), range(ROLLOUTS), chunksize=50)))
            ours = found[:, 0]
            share = float((ours > 0).mean())
            if scenario == EQUAL:
                yield FALSE.seen(share)
            else:
                yield POSTS[scenario].seen(
                    float(np.median(np.where(ours > 0, ours, LONGEST))), f"{share:.1%} stopped"
                )
            rows.append((scenario, *map(cell, found.T)))
    yield Table(columns=("challenger", *PEERS), rows=tuple(rows))


def cell(posts: np.ndarray) -> str:
    """Share that was stopped, and the median of the posts before it was."""
    before = f", {np.median(posts[posts > 0]):,.0f}" if posts.any() else ""
    return f"{(posts > 0).mean():.1%}{before}"


BENCH = Bench(figures=(FALSE, *POSTS.values()), measure=measure, seeds=f"0 to {ROLLOUTS - 1}")
