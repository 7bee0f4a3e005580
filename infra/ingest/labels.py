"""Labels as judgements. A file spells few different ones, so each spelling is read once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from infra.ingest.lines import BadLineError
from infra.ingest.reject import shorten

UNKNOWN = 0  # the code of a row without labels


class Vote(NamedTuple):
    policy: str
    moderator_id: str
    violates: bool


def votes_of(text: str, policies: frozenset[str]) -> tuple[Vote, ...]:
    """What the labels say, unknown ones left out; raises BadLineError."""
    given = _entries(text)
    for policy, _, violates in given:
        if policy not in policies:
            raise BadLineError("unknown_policy", shorten(policy))
        if violates is not None and not isinstance(violates, bool):
            raise BadLineError("label_not_boolean", shorten(f"{policy}: {json.dumps(violates)}"))
    if len({entry[:2] for entry in given}) != len(given):
        raise BadLineError("conflicting_labels", "a policy is judged twice")
    return tuple(Vote(*entry) for entry in given if entry[2] is not None)


def _entries(text: str) -> list[tuple[str, str, Any]]:
    try:
        value = json.loads(text)
        if isinstance(value, dict):
            return [(policy, "", violates) for policy, violates in value.items()]
        return [(str(entry["policy"]), str(entry["moderator_id"]), entry["violates"]) for entry in value]
    except (ValueError, TypeError, KeyError):
        raise BadLineError("label_not_boolean", f"labels are {{policy: bool}}, not {shorten(text)}") from None


class Labels:
    """Codes for the spellings met so far, and the votes behind each code."""

    def __init__(self, policies: frozenset[str]) -> None:
        self.policies = policies
        self._codes: dict[str | None, int] = {None: UNKNOWN, "null": UNKNOWN}
        self._votes: list[tuple[Vote, ...]] = [()]
        self._known: dict[tuple[Vote, ...], int] = {(): UNKNOWN}

    def code(self, text: str | None) -> int:
        """The code of the votes, however they are spelled; raises BadLineError."""
        if text not in self._codes:
            self._codes[text] = self._code(votes_of(str(text), self.policies))
        return self._codes[text]

    def _code(self, votes: Iterable[Vote]) -> int:
        ordered = tuple(sorted(votes))
        code = self._known.setdefault(ordered, len(self._votes))
        if code == len(self._votes):
            self._votes.append(ordered)
        return code

    def merged(self, one: int, other: int) -> int | None:
        """The code of what both say together; None where they contradict each other."""
        if one == other:
            return one
        votes = {*self._votes[one], *self._votes[other]}
        agreed = len({(vote.policy, vote.moderator_id) for vote in votes}) == len(votes)
        return self._code(votes) if agreed else None

    def judgements(self, post_ids: pa.Array, codes: np.ndarray) -> pa.Table:
        """One row a vote: post_id, policy, moderator_id, violates."""
        counts = np.array([len(votes) for votes in self._votes])
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        per_row = counts[codes]
        within = np.arange(per_row.sum()) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        entries = pa.array(np.repeat(starts[codes], per_row) + within)
        flat = [vote for votes in self._votes for vote in votes]
        columns = {
            "post_id": post_ids.take(pa.array(np.repeat(np.arange(len(codes)), per_row))),
            "policy": pa.array([vote.policy for vote in flat], pa.string()).take(entries),
            "moderator_id": pa.array([vote.moderator_id for vote in flat], pa.string()).take(entries),
            "violates": pa.array([vote.violates for vote in flat], pa.bool_()).take(entries),
        }
        return pa.table(columns)
