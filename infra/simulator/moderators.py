"""Moderators with known error rates, who read some languages, disagree, and see only what is queued."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from infra.simulator.streams import Stream, stream
from infra.simulator.vocabulary import LANGUAGES, POLICIES

MODERATORS = 30
MISS_RATES = (0.03, 0.18)  # bounds of a moderator's share of violations taken for harmless
FALSE_ALARM_RATES = (0.001, 0.015)  # bounds of a moderator's share of harmless posts taken for violations

# A desk is the moderators of one policy in one language. One desk in five is hardly staffed, so that whole
# corners of the platform go unjudged: what is unknown there is not harmless, and says nothing about the rest.
STAFFED, UNSTAFFED = 0.6, 0.05  # probability that a harmless post is queued at a desk
REPORTED = 1.25  # violations are reported by users, and queued this many times as often
VOTES = (0.25, 0.07)  # probability of a second and of a third judgement

SCHEMA = pa.schema(
    [
        pa.field("moderator_id", pa.string(), nullable=False),
        pa.field("languages", pa.list_(pa.string()), nullable=False),
        pa.field("miss_rate", pa.float64(), nullable=False),
        pa.field("false_alarm_rate", pa.float64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Votes:
    """Columns, one entry a judgement: row of the post, policy, moderator, opinion, hours until it."""

    post: np.ndarray
    policy: np.ndarray
    moderator: np.ndarray
    violates: np.ndarray
    hours: np.ndarray


@dataclass(frozen=True)
class Roster:
    """The moderators of one platform."""

    seed: int

    @cached_property
    def ids(self) -> list[str]:
        return [f"moderator-{i:02d}" for i in range(MODERATORS)]

    @cached_property
    def languages(self) -> list[tuple[int, ...]]:
        """Two languages each, or one; five and more read each of them."""
        count = len(LANGUAGES)
        return [tuple({i % count, (i + i // count) % count}) for i in range(MODERATORS)]

    @cached_property
    def rates(self) -> np.ndarray:
        """Miss and false alarm rate of each moderator, [MODERATORS, 2]."""
        low, high = np.array([MISS_RATES, FALSE_ALARM_RATES]).T
        rates: np.ndarray = low + stream(self.seed, Stream.MODERATORS).random((MODERATORS, 2)) * (high - low)
        return rates

    def table(self) -> pa.RecordBatch:
        names = [[LANGUAGES[i] for i in reads] for reads in self.languages]
        return pa.RecordBatch.from_arrays(
            [pa.array(self.ids), pa.array(names), pa.array(self.rates[:, 0]), pa.array(self.rates[:, 1])],
            schema=SCHEMA,
        )

    def judge(self, violations: np.ndarray, language: np.ndarray, rng: np.random.Generator) -> Votes:
        """Judgements of posts.

        `violations` [posts, policies] is the truth, `language` [posts] indexes LANGUAGES.
        """
        chances = rng.random((4, *violations.shape))
        queued = chances[0] < coverage()[:, language].T * np.where(violations, REPORTED, 1)
        votes = 1 + (chances[1] < VOTES[0]).astype(int) + (chances[1] < VOTES[1])
        row, policy = np.nonzero(queued)
        times = votes[row, policy]
        first, order = np.repeat(chances[2][row, policy], times), _count_up(times)
        row, policy = np.repeat(row, times), np.repeat(policy, times)
        moderator = self._readers(language[row], first, order)
        truth, luck = violations[row, policy], rng.random((2, len(row)))
        wrong = luck[0] < self.rates[moderator, np.where(truth, 0, 1)]
        return Votes(row, policy, moderator, truth ^ wrong, 1 + luck[1] * 71)

    def _readers(self, language: np.ndarray, first: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Moderators who read the language; those of one post differ."""
        moderator = np.empty(len(language), dtype=int)
        for index in range(len(LANGUAGES)):
            readers = np.array([i for i, reads in enumerate(self.languages) if index in reads])
            here = language == index
            start = (first[here] * len(readers)).astype(int)
            moderator[here] = readers[(start + order[here]) % len(readers)]
        return moderator


def coverage() -> np.ndarray:
    """Probability that a desk is given a harmless post, [policies, languages]."""
    policy, language = np.indices((len(POLICIES), len(LANGUAGES)))
    chances: np.ndarray = np.where((policy + 2 * language) % 5 == 1, UNSTAFFED, STAFFED)
    return chances


def _count_up(times: np.ndarray) -> np.ndarray:
    """0, 1, ... within each run: [2, 1, 3] gives [0, 1, 0, 0, 1, 2]."""
    counts: np.ndarray = np.arange(times.sum()) - np.repeat(times.cumsum() - times, times)
    return counts
