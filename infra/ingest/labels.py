"""Labels as judgements. A file spells few different ones, so each spelling is read once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from infra.forms import FormError, moment
from infra.ingest.notes import nearest
from infra.ingest.reject import BadLineError, shorten
from models.domain.content import JudgementSource
from models.domain.schemas import TIME

UNKNOWN = 0  # the code of a row without labels
CACHED_SPELLINGS = 10_000  # spellings remembered
MOST_VOTES = 65_535  # that one row stands for
WANTED = "labels are {policy: true or false}"


class Vote(NamedTuple):
    """One judgement; with `votes` it stands for so many people, of whom `violating` saw a violation."""

    policy: str
    moderator_id: str
    violates: bool
    source: str = JudgementSource.IMPORT
    decided_at: datetime | None = None
    votes: int | None = None
    violating: int | None = None
    withdrawn: bool | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Whose opinion of what it is: a person has one, the latest."""
        return self.policy, self.moderator_id, self.source


MORE = ("source", "decided_at", "votes", "violating", "withdrawn")  # that an entry of a list may say
COUNTS = ("votes", "violating")


def votes_of(text: str, policies: frozenset[str]) -> tuple[Vote, ...]:
    """What the labels say, unknown ones left out, of one person's the latest; raises BadLineError."""
    given = _entries(text)
    for policy, _, violates, _ in given:
        if policy not in policies:
            raise BadLineError("unknown_policy", _unknown(policy, policies))
        if violates is not None and not isinstance(violates, bool):
            raise BadLineError("label_not_boolean", f"{policy}: {_shown(violates)}; {_hint(violates)}")
    if len({(policy, moderator, more.get("decided_at")) for policy, moderator, _, more in given}) != len(
        given
    ):
        raise BadLineError("conflicting_labels", "a policy is judged twice")
    votes = latest(
        Vote(policy, moderator, bool(violates), **_checked(more))
        for policy, moderator, violates, more in given
        if violates is not None or more.get("withdrawn") is True
    )
    if votes is None:
        raise BadLineError("conflicting_labels", "a policy is judged twice at one time, and not alike")
    return votes


def latest(votes: Iterable[Vote]) -> tuple[Vote, ...] | None:
    """Of each person's judgements of a policy the latest; None where two of one time say different things."""
    found: dict[tuple[str, str, str], Vote] = {}
    for vote in votes:
        other = found.setdefault(vote.key, vote)
        if other != vote and other.decided_at == vote.decided_at:
            return None
        if vote.decided_at and (not other.decided_at or vote.decided_at > other.decided_at):
            found[vote.key] = vote
    return tuple(sorted(found.values(), key=lambda vote: vote.key))


def _checked(more: dict[str, Any]) -> dict[str, Any]:
    """What an entry says beside its verdict; raises BadLineError."""
    found = {name: value for name, value in more.items() if value is not None}
    if "source" in found and found["source"] not in list(JudgementSource):
        raise BadLineError(
            "unknown_source",
            f"{_shown(found['source'])}; a judgement's source is {', '.join(JudgementSource)}",
        )
    if "decided_at" in found:
        try:
            found["decided_at"] = moment(str(found["decided_at"]))
        except FormError as error:
            raise BadLineError(error.key, f"decided_at: {error.detail}") from None
    if not isinstance(found.get("withdrawn", False), bool):
        raise BadLineError(
            "label_not_boolean", f"withdrawn: {_shown(found['withdrawn'])}; write true or false"
        )
    counts = [found.get(name) for name in COUNTS]
    if any(count is not None for count in counts) and not _countable(*counts):
        raise BadLineError(
            "unclear_votes", f"votes is from 1 to {MOST_VOTES:,}, and violating at most as many"
        )
    return found


def _countable(votes: Any, violating: Any) -> bool:
    whole = type(votes) is int and type(violating) is int
    return whole and 0 < votes <= MOST_VOTES and 0 <= violating <= votes


def _entries(text: str) -> list[tuple[str, str, Any, dict[str, Any]]]:
    try:
        value = json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        raise BadLineError("label_not_boolean", f"{WANTED}, not {shorten(text)[:40]}") from None
    if isinstance(value, Pairs):
        return [(policy, "", violates, {}) for policy, violates in value.items]
    if isinstance(value, list) and all(isinstance(entry, Pairs) for entry in value):
        try:
            entries = [dict(entry.items) for entry in value]
            return [
                (_text(entry["policy"]), _text(entry["moderator_id"]), entry["violates"],
                 {name: entry[name] for name in MORE if name in entry})
                for entry in entries
            ]  # fmt: skip
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


KINDS: dict[str, pa.DataType] = {
    "policy": pa.string(),
    "moderator_id": pa.string(),
    "violates": pa.bool_(),
    "source": pa.string(),
    "decided_at": TIME,
    "votes": pa.int32(),
    "violating": pa.int32(),
    "withdrawn": pa.bool_(),
}  # of Vote's fields, in their order


class Labels:
    """Codes for the spellings met so far, and the votes behind each code."""

    def __init__(self, policies: frozenset[str]) -> None:
        self.policies = policies
        self._codes: dict[str | None, int] = {None: UNKNOWN, "null": UNKNOWN}
        self._votes: list[tuple[Vote, ...]] = [()]
        self._known: dict[tuple[Vote, ...], int] = {(): UNKNOWN}

    @property
    def sources(self) -> set[str]:
        """Of the judgements met."""
        return {vote.source for votes in self._votes for vote in votes}

    def code(self, text: str | None) -> int:
        """The code of the votes, however they are spelled; raises BadLineError."""
        if text not in self._codes:
            code = self._code(votes_of(str(text), self.policies))
            if len(self._codes) >= CACHED_SPELLINGS:
                return code
            self._codes[text] = code
        return self._codes[text]

    def _code(self, votes: Iterable[Vote]) -> int:
        ordered = tuple(votes)
        code = self._known.setdefault(ordered, len(self._votes))
        if code == len(self._votes):
            self._votes.append(ordered)
        return code

    def merged(self, one: int, other: int) -> int | None:
        """The code of what both say together; None where they contradict each other."""
        if one == other:
            return one
        votes = latest([*self._votes[one], *self._votes[other]])
        return None if votes is None else self._code(votes)

    def judgements(self, post_ids: pa.Array, codes: np.ndarray) -> pa.Table:
        """One row a vote: post_id, and the fields of Vote. What it costs grows with the codes, not with all met."""
        used, codes = np.unique(codes, return_inverse=True)
        met = [self._votes[code] for code in used]
        counts = np.array([len(votes) for votes in met], np.int64)
        starts = np.cumsum(counts) - counts
        per_row = counts[codes]
        rows = np.repeat(np.arange(len(codes)), per_row)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        entries = pa.array(np.repeat(starts[codes], per_row) + within)
        fields = list(zip(*(vote for votes in met for vote in votes), strict=True)) or [()] * len(KINDS)
        columns = {
            name: pa.array(values, kind).take(entries)
            for (name, kind), values in zip(KINDS.items(), fields, strict=True)
        }
        return pa.table({"post_id": post_ids.take(pa.array(rows)), **columns})
