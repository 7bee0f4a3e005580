"""Judged posts of the lake as examples of a policy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from infra.batch_scoring.reading import PostRow
from infra.lake import Lake, quoted, standing
from models.domain.errors import UserError

COLUMNS = ["post_id", "text", "image", "market"]  # no video: what learns from examples sees none
MAJORITY = 0.5  # share of the judgements from which on a post violates


class TooFewExamplesError(UserError):
    """A policy of which the lake holds fewer judged posts than asked for."""


@dataclass(frozen=True)
class Examples:
    violating: list[PostRow]
    compliant: list[PostRow]


def examples_of(lake: Lake, policy: str, count: int) -> Examples:
    """So many posts that were judged to violate the policy, and so many that were judged not to.

    Which ones depends on their ids alone. Raises TooFewExamplesError.
    """
    judged = _judged(lake, policy)
    chosen = {violates: sorted(ids, key=_place)[:count] for violates, ids in judged.items()}
    if any(len(ids) < count for ids in chosen.values()):
        raise TooFewExamplesError(
            f"the lake {lake.uri} holds {len(judged[True])} posts judged to violate {policy} and {len(judged[False])} "
            f"judged not to, and --shots {count} needs {count} of each; judge more, or ask for fewer"
        )
    rows = _posts(lake, [*chosen[True], *chosen[False]])
    return Examples(*([rows[post_id] for post_id in chosen[violates]] for violates in (True, False)))


def _judged(lake: Lake, policy: str) -> dict[bool, list[str]]:
    if not lake.judgements.exists():
        return {True: [], False: []}
    columns = ["post_id", "violates"]
    held = lake.judgements.open()
    votes = held.to_table(columns=columns, filter=standing(held, f"policy = {quoted(policy)}"))
    votes = votes.set_column(1, "violates", votes["violates"].cast(pa.int8()))
    shares = votes.group_by("post_id").aggregate([("violates", "mean")])
    found: dict[bool, list[str]] = {True: [], False: []}
    for row in shares.to_pylist():
        found[row["violates_mean"] >= MAJORITY].append(row["post_id"])
    return found


def _posts(lake: Lake, ids: list[str]) -> dict[str, PostRow]:
    table = lake.posts.open().to_table(columns=COLUMNS, filter=pc.field("post_id").isin(ids))
    return {row["post_id"]: PostRow(**row) for row in table.to_pylist()}


def _place(post_id: str) -> bytes:
    return hashlib.sha256(post_id.encode()).digest()
