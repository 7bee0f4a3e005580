"""The cut in time: test posts are later than all others.

A group that has posts on both sides of the cut goes to one side, and its posts on the other are left out. The
cut, and the share of such groups that go to test, are chosen to leave out the fewest posts while test holds
TEST_SHARE of what is kept. Let a and b be the posts of groups wholly before and after the cut, c and d the posts
before and after it of groups on both sides, s the share of those that go to test:

    kept = a + (1 - s) c + b + s d        test = b + s d = TEST_SHARE * kept
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TEST_SHARE = 0.10
UNDATED = np.iinfo(np.int64).min
_QUANTILES = np.linspace(0.50, 0.98, 25)
_SLACK = 0.02  # a test share this near counts as met

Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Timeline:
    dated: Flags  # per group: has a dated post
    late: Flags  # per group: goes to test
    wrong_side: Flags  # per post: on the other side of the cut than its group


@dataclass(frozen=True)
class Sides:
    """Dated posts of each group before and after a cut, in microseconds."""

    cut: int
    before: Times
    after: Times

    @property
    def both(self) -> Flags:
        return (self.before > 0) & (self.after > 0)

    def share(self) -> float:
        """S of the module's formula."""
        odds = TEST_SHARE / (1 - TEST_SHARE)
        a, b = self.before[~self.both].sum(), self.after[~self.both].sum()
        c, d = self.before[self.both].sum(), self.after[self.both].sum()
        return float(np.clip((odds * (a + c) - b) / max(d + odds * c, 1), 0, 1))

    def worth(self) -> float:
        """Posts kept as a share of all, less what the test share misses its aim by."""
        s, both = self.share(), self.both
        test = self.after[~both].sum() + s * self.after[both].sum()
        rest = self.before[~both].sum() + (1 - s) * self.before[both].sum()
        missed = abs(test / max(test + rest, 1) - TEST_SHARE)
        total = self.before.sum() + self.after.sum()
        return float((test + rest) / max(total, 1) - 4 * max(0.0, missed - _SLACK))


def timeline(groups: npt.NDArray[np.int64], times: Times, chance: npt.NDArray[np.float64]) -> Timeline:
    """Cut N posts with their group numbers and times; `chance` orders the groups for the choice of a side."""
    width, rows = len(chance), np.flatnonzero(times != UNDATED)
    wrong = np.zeros(len(times), bool)
    if not len(rows):
        return Timeline(np.zeros(width, bool), np.zeros(width, bool), wrong)
    begins = times[rows].min()
    cuts = np.unique(np.quantile(times[rows], _QUANTILES, method="nearest"))
    candidates = (_sides(groups[rows], times[rows], int(cut), width) for cut in cuts if cut > begins)
    best = max(candidates, key=Sides.worth, default=None)
    if best is None:  # over half of the posts share the earliest time
        second = int(times[rows][times[rows] > begins].min())
        best = _sides(groups[rows], times[rows], second, width)
    late = _late(best, chance)
    wrong[rows] = (times[rows] >= best.cut) != late[groups[rows]]
    return Timeline(best.before + best.after > 0, late, wrong)


def _sides(groups: npt.NDArray[np.int64], times: Times, cut: int, width: int) -> Sides:
    late = times >= cut
    return Sides(cut, np.bincount(groups[~late], minlength=width), np.bincount(groups[late], minlength=width))


def _late(sides: Sides, chance: npt.NDArray[np.float64]) -> Flags:
    """Groups that go to test: those wholly after the cut, and by chance enough of those on both sides.

    At least one group goes to either side where there are two.
    """
    late: Flags = (sides.before == 0) & (sides.after > 0)
    both = np.flatnonzero(sides.both)
    both = both[np.argsort(chance[both], kind="stable")]
    sizes = sides.after[both]
    late[both[np.cumsum(sizes) - sizes / 2 <= sides.share() * sizes.sum()]] = True
    if len(both) and not late.any() and (sides.before + sides.after > 0).sum() > 1:
        late[both[0]] = True
    if len(both) and late[sides.before + sides.after > 0].all():
        late[both[-1]] = False
    return late
