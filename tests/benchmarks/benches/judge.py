"""The judge by simulation: false rollbacks under continuous reading, and how soon harm is stopped, beside its limit.

The limit is what a test that knows both models needs at the same error rate (Wald); the peer is Kayenta's way, tuned
so that it is wrong as rarely.
"""

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
    READINGS,
    growth,
    needed,
    posts_until,
    ranks,
    stopped,
)

ROLLOUTS, FAMILIES, BATCH = 1000, 5000, 250
LONGEST = READ_EVERY * READINGS  # posts of the challenger, as which a rollout counts that nobody stopped
FALSE = {
    at_limit: Figure(
        name=f"false rollbacks of a challenger {told}",
        beside="whole rollouts",
        aim=at_most(0.01),
        unit="share",
    )
    for at_limit, told in ((False, "that is equal"), (True, "as bad as the tolerances allow"))
}
BESIDE_LIMIT = {
    harm: Figure(
        name=f"{harm}: median posts before a rollback, beside the limit",
        beside="what a test that knows both rates needs (Wald)",
        aim=at_most(1.3),
    )
    for harm in HARMS
}
BESIDE_KAYENTA = {
    harm: Figure(
        name=f"{harm}: median posts before a rollback, beside Kayenta",
        beside="Kayenta's way, tuned to as few false alarms",
        aim=at_most(1),
    )
    for harm in HARMS
}


def batch(at_limit: bool, seed: int) -> np.ndarray:
    return evidence(BATCH, seed, at_limit=at_limit).max(axis=1)


def measure(folder: Path) -> Iterator[Seen | Table]:
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for at_limit, figure in FALSE.items():
            found = pool.map(partial(batch, at_limit), range(FAMILIES // BATCH))
            wrong = (np.concatenate(list(found)) >= -np.log(ERROR_RATE)).mean()
            yield figure.seen(wrong, f"{FAMILIES:,} rollouts")
        equal = np.array(list(pool.map(partial(ranks, GOOD, METRICS), range(ROLLOUTS), chunksize=50)))
        tuned = np.quantile(equal.min(axis=1), ERROR_RATE)
        rows = []
        for harm, (metric, model) in HARMS.items():
            posts = np.array(list(pool.map(partial(stopped, harm), range(ROLLOUTS), chunksize=25))).T
            p_values = np.array(
                list(pool.map(partial(ranks, model, (metric,)), range(ROLLOUTS), chunksize=50))
            )
            first, late, kayenta = (_median(each) for each in (*posts, posts_until(p_values < tuned)))
            limits = [needed(harm, stage) / growth(harm) for stage in (0, HALF)]
            yield BESIDE_LIMIT[harm].seen(first[0] / limits[0], f"{first[0]:,.0f} beside {limits[0]:,.0f}")
            yield BESIDE_KAYENTA[harm].seen(
                first[0] / kayenta[0], f"{first[0]:,.0f} beside {kayenta[0]:,.0f}"
            )
            cells = [f"{median:,.0f} ({power:.1%})" for median, power in (first, late, kayenta)]
            whole = -np.log(ERROR_RATE) / growth(harm)
            rows.append(
                (
                    harm,
                    cells[0],
                    f"{limits[0]:,.0f}",
                    cells[1],
                    f"{limits[1]:,.0f}",
                    cells[2],
                    f"{whole:,.0f}",
                )
            )
    late_limit = f"limit with all of {ERROR_RATE:.0%}"
    columns = (
        "challenger",
        "the judge",
        "limit",
        "harm that begins late",
        "its limit",
        "Kayenta, tuned",
        late_limit,
    )
    yield Table(columns=columns, rows=tuple(rows))


def _median(posts: np.ndarray) -> tuple[float, float]:
    """Of posts before a rollback, and how many had one."""
    return float(np.median(np.where(posts > 0, posts, LONGEST))), float((posts > 0).mean())


BENCH = Bench(
    figures=(*FALSE.values(), *BESIDE_LIMIT.values(), *BESIDE_KAYENTA.values()),
    measure=measure,
    seeds=f"0 to {ROLLOUTS - 1}",
    limit_seconds=3600,
)
