"""Authors and their habits: market, language, topic, how much and when they post, what they violate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infra.simulator.scenarios import VIOLATING_SHARE
from infra.simulator.streams import Stream, stream
from infra.simulator.vocabulary import LANGUAGES, TOPICS

MARKETS = {  # share of circles, and the languages posted there
    "US": (0.30, ("en", "en", "en", "es")),
    "DE": (0.18, ("de",)),
    "JP": (0.15, ("ja",)),
    "BR": (0.15, ("pt",)),
    "GB": (0.12, ("en",)),
    "FR": (0.10, ("fr",)),
}
MARKET_CODES = np.array(list(MARKETS))
CIRCLE = 4  # authors who repost one another; they share market and language
REGULARS = 900  # there from the first week on
NEWCOMERS = 200  # join each week, and leave after the next
RINGS, RING_SIZE = 5, 8  # groups of accounts that post copies of one message


@dataclass(frozen=True)
class Authors:
    """Columns, one entry an author; circles lie side by side."""

    author_id: np.ndarray
    market: np.ndarray  # index into MARKET_CODES
    language: np.ndarray  # index into LANGUAGES
    topic: np.ndarray
    rate: np.ndarray  # posts relative to other authors
    violates: np.ndarray  # probability that a post violates
    habit: np.ndarray  # in [0, 1): which violation comes first to this author
    hour: np.ndarray  # of the day, UTC, around which the author posts

    def __len__(self) -> int:
        return len(self.author_id)


def cohort(seed: int, week: int) -> Authors:
    """The authors who joined in `week`; week 0 are the regulars."""
    rng = stream(seed, Stream.AUTHORS, week)
    size = NEWCOMERS if week else REGULARS
    market, language = _homes(rng, size // CIRCLE)
    leaning = rng.normal(size=size)
    return Authors(
        author_id=np.array([f"author-{week:02d}-{i:04d}" for i in range(size)]),
        market=np.repeat(market, CIRCLE),
        language=np.repeat(language, CIRCLE),
        topic=rng.integers(TOPICS, size=size),
        rate=rng.lognormal(sigma=0.7, size=size),
        violates=1 / (1 + np.exp(-(np.log(VIOLATING_SHARE / (1 - VIOLATING_SHARE)) + leaning))),
        habit=rng.random(size),
        hour=rng.integers(24, size=size),
    )


def _homes(rng: np.random.Generator, circles: int) -> tuple[np.ndarray, np.ndarray]:
    """Market and language of each circle; shares are met exactly, so that no seed starves a market."""
    shares = np.cumsum([share for share, _ in MARKETS.values()])
    places = (rng.permutation(circles) + 0.5) / circles
    market = np.searchsorted(shares, places, side="right").clip(max=len(MARKETS) - 1)
    spoken = [languages for _, languages in MARKETS.values()]
    picks = rng.integers(12, size=circles)
    language = [LANGUAGES.index(spoken[m][p % len(spoken[m])]) for m, p in zip(market, picks, strict=True)]
    return market, np.array(language)


def present(seed: int, week: int) -> Authors:
    """Those who post in `week`: the regulars, and who joined this week or the one before."""
    groups = [cohort(seed, 0), cohort(seed, week), *([cohort(seed, week - 1)] if week > 1 else [])]
    columns = {
        name: np.concatenate([getattr(g, name) for g in groups]) for name in Authors.__dataclass_fields__
    }
    return Authors(**columns)
