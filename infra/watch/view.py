"""Posts as one model saw them and people judged them: what signals compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.evaluation.thresholds import MAJORITY

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
Names = NDArray[np.str_]


@dataclass(frozen=True)
class View:
    """N posts.

    scores [N, P] are calibrated; acted [N, P] says which policies asked for an action; votes [N, P] are the share of
    judges who saw a violation, NaN where nobody judged; length [N] is in characters.
    """

    policies: tuple[str, ...]
    author: Names
    market: Names
    language: Names
    length: Floats
    image: Flags
    scores: Floats
    acted: Flags
    votes: Floats

    def __len__(self) -> int:
        return len(self.author)

    def where(self, mask: NDArray[Any]) -> Self:
        arrays = (getattr(self, field.name)[mask] for field in fields(self)[1:])
        return type(self)(self.policies, *arrays)

    def at_most(self, posts: int) -> Self:
        """The first so many posts of each author."""
        order = np.argsort(self.author, kind="stable")
        _, first, counts = np.unique(self.author[order], return_index=True, return_counts=True)
        rank = np.empty(len(self), int)
        rank[order] = np.arange(len(self)) - np.repeat(first, counts)
        return self.where(rank < posts)

    def markets(self) -> Iterator[tuple[str, Self]]:
        for market in np.unique(self.market):
            yield str(market), self.where(self.market == market)

    @property
    def judged(self) -> Flags:
        """[N, P]"""
        return ~np.isnan(self.votes)

    @property
    def violates(self) -> Flags:
        """[N, P]; false where nobody judged."""
        return np.nan_to_num(self.votes) >= MAJORITY


def joined(policies: tuple[str, ...], parts: list[View]) -> View:
    """All posts of the parts; none where there are none."""
    names = ("author", "market", "language", "length", "image", "scores", "acted", "votes")
    if not parts:
        wide = np.empty((0, len(policies)))
        text = np.array([], str)
        return View(policies, text, text, text, np.array([]), np.array([], bool), wide, wide > 0, wide)
    return View(policies, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))
