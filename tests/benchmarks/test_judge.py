"""The judge by simulation: false rollbacks under continuous reading, and how soon harm is stopped, beside its peers."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest

from tests.benchmarks.simulated_rollouts import READ_EVERY, READINGS, SCENARIOS, stopped

ROLLOUTS = 2000
PEERS = ("moderato", "fixed interval, 5 failures", "repeated Mann-Whitney")


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_the_judge_is_rarely_wrong_and_soon_right():
    print(f"\n{ROLLOUTS} rollouts each, {READINGS * READ_EVERY:,} posts of the challenger at most")
    print(f"{'':>30} {'':>28} {'stopped':>8} {'posts before, median':>22}")
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for scenario in SCENARIOS:
            found = np.array(list(pool.map(partial(stopped, scenario), range(ROLLOUTS), chunksize=50)))
            for peer, posts in zip(PEERS, found.T, strict=True):
                before = f"{np.median(posts[posts > 0]):,.0f}" if posts.any() else ""
                print(f"{scenario:>30} {peer:>28} {(posts > 0).mean():>8.1%} {before:>22}")
