"""Cut a snapshot: survey the lake, gather votes, cluster, place, order, name by content, write, tag."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from infra.lake import SNAPSHOTS, Lake
from infra.snapshots.columns import Facts, facts_of
from infra.snapshots.scan import survey, workbench
from infra.snapshots.splits import Placement, place
from infra.snapshots.store import CutSnapshot, Shelf, ordered, placed, store, tag
from infra.snapshots.votes import gather
from models.domain.errors import UserError
from models.domain.policy import PolicySet

EXACT, UNJUDGED = "has the same content as another", "has no judgement"
STRADDLING, CROSSING = "straddles the time cut", "is a near-duplicate of a post in another split"


class EmptyLakeError(UserError):
    """There is nothing in the lake to cut a snapshot from."""


def pin_versions(lake: Lake, as_of: datetime | None = None) -> dict[str, int]:
    """The versions of posts and judgements now, or as committed at or before `as_of`.

    Raises EmptyLakeError where there are none yet, NoSuchVersionError where there were none then.
    """
    tables = {"posts": lake.posts, "judgements": lake.judgements}
    for name, table in tables.items():
        if not table.exists():
            raise EmptyLakeError(
                f"the lake {lake.uri} holds no {name}; bring some with `moderato ingest SOURCE PATH` "
                f"or make some up with `moderato simulate`"
            )
    return {name: table.version_by(as_of) for name, table in tables.items()}


def cut_snapshot(
    lake: Lake, versions: dict[str, int], policy_set: PolicySet, seed: int, workspace: Path
) -> CutSnapshot:
    """Cut the lake at `versions` (table name to number) and write the snapshot, or find the one that is there.

    The same posts, judgements, policy set and seed give the same id wherever the lake lies. `workspace` is a
    folder for files that are gone afterwards. Raises EmptyLakeError where no post has a judgement.
    """
    with workbench(workspace) as (connection, sketches):
        return _cut(lake, versions, policy_set, seed, connection, sketches)


def _cut(
    lake: Lake, versions: dict[str, int], policy_set: PolicySet, seed: int,
    connection: duckdb.DuckDBPyConnection, sketches: Path,
) -> CutSnapshot:  # fmt: skip
    posts = lake.posts.open(versions["posts"])
    survey(connection, posts, sketches)
    gather(connection, lake.judgements.open(versions["judgements"]), policy_set.keys)
    shelf = Shelf(lake, SNAPSHOTS, tag="snapshot", format=2)
    facts = _judged(connection, lake, policy_set)
    clusters = facts.clusters(sketches)
    placement = place(facts.authors, clusters, facts.times, facts.keys, seed)
    placed(connection, facts, clusters, placement.split)
    ordered(connection, seed)
    made = store(connection, posts, shelf, policy_set, seed, _dropped(connection, placement))
    tag(shelf, made, versions)
    return made


def _judged(connection: duckdb.DuckDBPyConnection, lake: Lake, policy_set: PolicySet) -> Facts:
    """The facts of the posts that have a judgement; raises EmptyLakeError where there is none."""
    facts = facts_of(connection, "surveyed SEMI JOIN labelled USING (ordinal)")
    if not len(facts):
        raise EmptyLakeError(
            f"no post in the lake {lake.uri} has a judgement for a policy of {policy_set.name!r}; "
            f"ingest posts with labels for any of: {', '.join(policy_set.keys)}"
        )
    return facts


def _dropped(connection: duckdb.DuckDBPyConnection, placement: Placement) -> dict[str, int]:
    (copies,) = connection.sql("SELECT count(*) FROM copies").fetchall()[0]
    unjudged = (
        "SELECT count(*) FROM surveyed ANTI JOIN labelled USING (ordinal) ANTI JOIN copies USING (ordinal)"
    )
    (silent,) = connection.sql(unjudged).fetchall()[0]
    return {EXACT: copies, UNJUDGED: silent, STRADDLING: placement.straddling, CROSSING: placement.crossing}
