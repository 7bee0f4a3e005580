"""Writes weeks of the made-up platform into the lake, a chunk at a time, and the truth apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

import pyarrow as pa

from infra.lake import Lake, Table
from infra.simulator.moderators import SCHEMA as MODERATORS
from infra.simulator.plan import BLOCK_POSTS
from infra.simulator.platform import TRUTH, Batch, Platform
from infra.simulator.vocabulary import DRIFT, WAVE
from models.domain.errors import UserError

BLOCKS_A_COMMIT = 10  # 20,000 posts: what is held in memory at once
LAST_WEEK = 52


class SimulationError(UserError):
    """Posts, weeks or rates that no platform can have."""


@dataclass(frozen=True)
class Simulation:
    """What was written, and where the truth about it lies."""

    posts: int
    judgements: int
    weeks: tuple[int, ...]
    truth: str
    seconds: float


def simulate(
    lake: Lake,
    *,
    posts: int,
    weeks: int,
    seed: int,
    start_week: int = 1,
    drift: float = DRIFT,
    wave: float = WAVE,
    described: float = 0.0,
    on_posts: Callable[[int], object] = lambda _: None,
) -> Simulation:
    """Write `posts` spread over `weeks` from `start_week` on; `on_posts` hears how many more are written.

    The same arguments write the same rows, and writing them again changes none. Fewer posts of a week are a
    prefix of more, and a week is the same whether it comes alone or with others. Memory does not grow with
    `posts`. Raises SimulationError.
    """
    _check(posts, weeks, seed, start_week, (drift, wave, described))
    began, platform = time.perf_counter(), Platform(seed, drift, wave, described)
    numbers = tuple(range(start_week, start_week + weeks))
    writer = _Writer.on(lake, [f"sim{seed}-w{week:02d}-" for week in numbers])
    moderators_table(lake).upsert([platform.roster.table()])
    blocks, judgements = _blocks(platform, posts, numbers), 0
    while chunk := list(islice(blocks, BLOCKS_A_COMMIT)):
        writer.write(chunk)
        judgements += sum(batch.judgements.num_rows for batch in chunk)
        on_posts(sum(batch.posts.num_rows for batch in chunk))
    return Simulation(posts, judgements, numbers, truth_table(lake).uri, time.perf_counter() - began)


def week_of_posts(seed: int, week: int) -> Iterator[pa.RecordBatch]:
    """The posts of a week without end; those that `simulate` writes are the first of them. Raises SimulationError."""
    _check(1, 1, seed, week, (DRIFT, WAVE, 0.0))
    platform = Platform(seed)
    return (platform.block(week, number).posts for number in count())


def truth_table(lake: Lake) -> Table:
    """What every simulated post really is, one row a post; training must not read it."""
    return Table(lake.path("simulator", "truth.lance"), TRUTH, ("post_id",), lake.storage_options)


def moderators_table(lake: Lake) -> Table:
    """The error rates of the moderators."""
    return Table(
        lake.path("simulator", "moderators.lance"), MODERATORS, ("moderator_id",), lake.storage_options
    )


def _blocks(platform: Platform, posts: int, weeks: tuple[int, ...]) -> Iterator[Batch]:
    for place, week in enumerate(weeks):
        wanted = posts // len(weeks) + (place < posts % len(weeks))
        for number in count():
            if (left := wanted - number * BLOCK_POSTS) <= 0:
                break
            yield platform.block(week, number, min(left, BLOCK_POSTS))


@dataclass(frozen=True)
class _Writer:
    """Appends where none of the posts can be there yet, which is many times faster than an upsert."""

    lake: Lake
    fresh: bool

    @classmethod
    def on(cls, lake: Lake, prefixes: list[str]) -> _Writer:
        there = " OR ".join(f"starts_with(post_id, '{prefix}')" for prefix in prefixes)
        return cls(lake, lake.posts.create().count_rows(filter=there) == 0)

    def write(self, chunk: list[Batch]) -> None:
        """Posts first: where a run was cut short, they are what tells the next one to upsert."""
        self._put(self.lake.posts, [batch.posts for batch in chunk])
        self._put(self.lake.judgements, [batch.judgements for batch in chunk])
        self._put(truth_table(self.lake), [batch.truth for batch in chunk])

    def _put(self, table: Table, batches: list[pa.RecordBatch]) -> None:
        if self.fresh:
            table.append(batches)
        else:
            table.upsert(batches)


def _check(posts: int, weeks: int, seed: int, start_week: int, rates: tuple[float, float, float]) -> None:
    if posts < 1:
        raise SimulationError(f"--posts is {posts}; a platform needs at least 1 post")
    if weeks < 1:
        raise SimulationError(f"--weeks is {weeks}; a platform needs at least 1 week")
    if seed < 0:
        raise SimulationError(f"--seed is {seed}; choose 0 or more")
    if start_week < 1 or start_week + weeks - 1 > LAST_WEEK:
        raise SimulationError(
            f"--start-week {start_week} and --weeks {weeks} end in week {start_week + weeks - 1}; "
            f"choose weeks from 1 to {LAST_WEEK}"
        )
    if not all(0 <= rate <= 1 for rate in rates):
        raise SimulationError(
            f"--drift is {rates[0]}, --wave {rates[1]} and --described {rates[2]}; choose shares from 0 to 1"
        )
