"""The decisions about a block of posts: who posts what and when. Drawn for a whole block at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from infra.simulator.authors import CIRCLE, RINGS, Authors
from infra.simulator.scenarios import HARMLESS, SCENARIOS, VIOLATING, Modality, Words, cumulative
from infra.simulator.streams import Stream, stream
from infra.simulator.vocabulary import POLICIES

BLOCK_POSTS = 2000  # posts that are drawn together; the unit of reproducibility, however they are written
FIRST_DAY = datetime(2025, 1, 6, tzinfo=UTC)  # a Monday: week 1 begins
WEEK = timedelta(weeks=1)
DAY, HOUR = 86_400, 3_600  # seconds

HABITUAL = 0.5  # of violations are of the kind that comes first to the author
REPOSTS = 0.04  # share of posts that repeat an earlier one of the author's circle
SWEARING = 0.1  # share of abusive captions that hold profanity as well
ABUSIVE = ("hate_speech", "harassment", "violence")
RING_HOMES = 40  # regulars apart
BURST = 6 * HOUR  # in which a ring sends its copies

MODALITIES = tuple(Modality)
RING = np.array([scenario.words is Words.RING for scenario in SCENARIOS])
SWEARS = np.array([s.modality is Modality.TEXT and s.policy in ABUSIVE for s in SCENARIOS])
PICTURES = np.array([scenario.pictures for scenario in SCENARIOS])


def _truth() -> np.ndarray:
    """1 + index into MODALITIES where a scenario violates a policy, else 0: [scenarios, policies]."""
    truth = np.zeros((len(SCENARIOS), len(POLICIES)), dtype=np.int8)
    for row, scenario in enumerate(SCENARIOS):
        if scenario.modality:
            truth[row, POLICIES.index(scenario.policy)] = 1 + MODALITIES.index(scenario.modality)
    return truth


TRUTH = _truth()


@dataclass(frozen=True)
class SimulationPlan:
    """Columns, one entry a post. A repost takes all but author and time from row `source`."""

    author: np.ndarray  # index into the week's authors; for a ring, whose market and language it shares
    ring: np.ndarray  # number of the ring of spammers, -1 for others
    scenario: np.ndarray  # index into SCENARIOS
    swears: np.ndarray
    pictured: np.ndarray
    source: np.ndarray
    seconds: np.ndarray  # since the week began
    truth: np.ndarray  # [posts, policies], as TRUTH

    @property
    def reposted(self) -> np.ndarray:
        reposted: np.ndarray = self.source != np.arange(len(self.source))
        return reposted


def plan(authors: Authors, seed: int, week: int, block: int) -> SimulationPlan:
    """The plan of one block, the same however many of its posts are wanted."""
    rng = stream(seed, Stream.POSTS, week, block)
    author = np.searchsorted(np.cumsum(authors.rate) / authors.rate.sum(), rng.random(BLOCK_POSTS))
    scenario = _scenarios(authors, author, rng)
    source = _sources(RING[scenario], rng)
    circle = author[source] // CIRCLE * CIRCLE
    author = np.where(
        source == np.arange(BLOCK_POSTS), author, circle + rng.integers(CIRCLE, size=BLOCK_POSTS)
    )
    scenario, ring = (
        scenario[source],
        np.where(RING[scenario[source]], rng.integers(RINGS, size=BLOCK_POSTS), -1),
    )
    author = np.where(ring >= 0, ring * RING_HOMES, author)
    swears = (SWEARS[scenario] & (rng.random(BLOCK_POSTS) < SWEARING))[source]
    pictured = (rng.random(BLOCK_POSTS) < PICTURES[scenario])[source]
    truth = TRUTH[scenario].copy()
    truth[swears, POLICIES.index("profanity")] = 1 + MODALITIES.index(Modality.TEXT)
    seconds = _seconds(authors.hour[author], ring, source, rng)
    return SimulationPlan(author, ring, scenario, swears, pictured, source, seconds, truth)


def _scenarios(authors: Authors, author: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    luck, habitual, kind = rng.random((3, BLOCK_POSTS))
    kind = np.where(habitual < HABITUAL, authors.habit[author], kind)
    violating = np.searchsorted(cumulative(VIOLATING), kind, side="right")
    harmless = len(VIOLATING) + np.searchsorted(cumulative(HARMLESS), rng.random(BLOCK_POSTS), side="right")
    return np.where(luck < authors.violates[author], violating, harmless)


def _sources(ring: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The row that each post repeats, earlier and itself no repost; its own row for most."""
    rows = np.arange(BLOCK_POSTS)
    earlier = (rng.random(BLOCK_POSTS) * rows).astype(int)
    repeats = rng.random(BLOCK_POSTS) < REPOSTS
    repeats &= ~ring & ~ring[earlier] & ~repeats[earlier]
    repeats[0] = False
    return np.where(repeats, earlier, rows)


def _seconds(hour: np.ndarray, ring: np.ndarray, source: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Around the author's hour of some day; rings in one burst each; reposts within a day of their source."""
    day, burst = rng.integers(7, size=BLOCK_POSTS), rng.random(BLOCK_POSTS)
    own = day * DAY + (hour * HOUR + rng.normal(scale=3 * HOUR, size=BLOCK_POSTS)) % DAY
    own = np.where(ring >= 0, (ring % 7 * DAY) + 8 * HOUR + burst * BURST, own)
    later = np.minimum(own[source] + burst * DAY, 7 * DAY - 1)
    return np.where(source == np.arange(BLOCK_POSTS), own, later)
