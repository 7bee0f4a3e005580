"""Labels as judgements. A file spells few different ones, so each spelling is read once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from infra.ingest.notes import nearest
from infra.ingest.reject import BadLineError, shorten

UNKNOWN = 0  # the code of a row without labels
KEPT = 10_000  # spellings remembered
WANTED = "labels are {policy: true or false}"


class Vote(NamedTuple):
    policy: str
    moderator_id: str
    violates: bool


def votes_of(text: str, policies: frozenset[str]) -> tuple[Vote, ...]:
    """What the labels say, unknown ones left out; raises BadLineError."""
    given = _entries(text)
    for policy, _, violates in given:
        if policy not in policies:
            raise BadLineError("unknown_policy", _unknown(policy, policies))
        if violates is not None and not isinstance(violates, bool):
            raise BadLineError("label_not_boolean", f"{policy}: {_shown(violates)}; {_hint(violates)}")
    if len({entry[:2] for entry in given}) != len(given):
        raise BadLineError("conflicting_labels", "a policy is judged twice")
    return tuple(Vote(*entry) for entry in given if entry[2] is not None)


def _entries(text: str) -> list[tuple[str, str, Any]]:
    try:
        value = json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        raise BadLineError("label_not_boolean", f"{WANTED}, not {shorten(text)[:40]}") from None
    if isinstance(value, Pairs):
        return [(policy, "", violates) for policy, violates in value.items]
    if isinstance(value, list) and all(isinstance(entry, Pairs) for entry in value):
        try:
            entries = [dict(entry.items) for entry in value]
            return [(_text(entry["policy"]), _text(entry["moderator_id"]), entry["violates"]) for entry in entries]
        except KeyError as error:
            raise BadLineError("label_not_boolean", f"a judgement lacks {error.args[0]!r}") from None
    hint = ""
    if isinstance(value, list):
        hint = "; a list of names leaves open what is said of the others"
    raise BadLineError("label_not_boolean", f"{WANTED}, not {_shown(value)}{hint}")


class Pairs(NamedTuple):
    """An object as it is written: a policy that is there twice is seen."""

    items: list[tuple[str, Any]]


def _pairs(items: list[tuple[str, Any]]) -> Pairs:
    return Pairs(items)


def _text(value: object) -> str:
    if isinstance(value, str | int):
        return str(value)
    raise BadLineError("label_not_boolean", f"{_shown(value)} is no name of a policy or a moderator")


def _shown(value: object) -> str:
    """The value as JSON, cut; what is deep is not followed to its end."""
    if isinstance(value, Pairs):
        return "{…}"
    if isinstance(value, list):
        inner = ", ".join("…" if isinstance(each, Pairs | list) else _shown(each) for each in value[:3])
        return f"[{inner}{', …' if len(value) > 3 else ''}]"  # noqa: PLR2004 - three are enough to see
    return shorten(json.dumps(value)[:60])


def _hint(violates: object) -> str:
    if isinstance(violates, Pairs | list):
        return 'for several judges give [{"policy": …, "moderator_id": …, "violates": true}]'
    return "write true, false or null"


def _unknown(policy: str, policies: frozenset[str]) -> str:
    near = nearest(policy, policies)
    return f"{shorten(policy)[:60]!r}{f'; did you mean {near}?' if near else ' is in no policy of the set'}"


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
            code = self._code(votes_of(str(text), self.policies))
            if len(self._codes) >= KEPT:
                return code
            self._codes[text] = code
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
