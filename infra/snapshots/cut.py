"""Cut a snapshot: survey the lake, gather votes, cluster, place, order, name by content, write, tag."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from infra.lake import Lake, Table
from infra.snapshots.clusters import cluster
from infra.snapshots.hashing import Keys
from infra.snapshots.splits import LEFT_OUT, Placement, place
from infra.snapshots.survey import READING_LIMIT, connect, read_sketches, survey
from infra.snapshots.timeline import UNDATED
from infra.snapshots.votes import gather
from infra.snapshots.writing import content_id, describe, write
from models.errors import UserError
from models.policy import PolicySet
from models.schemas import SPLITS

FORMAT = 1  # of a snapshot's rows and identity

EXACT, UNJUDGED = "has the same content as another", "has no judgement"
STRADDLING, CROSSING = "straddles the time cut", "is a near-duplicate of a post in another split"


class EmptyLakeError(UserError):
    """There is nothing in the lake to cut a snapshot from."""


@dataclass(frozen=True)
class CutSnapshot:
    """`counts` per split; `dropped` says why posts of the lake are not in the snapshot."""

    id: str
    uri: str
    counts: dict[str, int]
    dropped: dict[str, int]
    reused: bool


@dataclass(frozen=True)
class _Facts:
    """One entry for each judged post, copies apart."""

    ordinals: np.ndarray[tuple[int], np.dtype[np.int64]]
    authors: Keys
    keys: Keys
    pictures: Keys
    times: np.ndarray[tuple[int], np.dtype[np.int64]]


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
    if as_of is None:
        return {name: int(table.open().version) for name, table in tables.items()}
    return {name: table.version_at(as_of) for name, table in tables.items()}


def cut_snapshot(
    lake: Lake, versions: dict[str, int], policy_set: PolicySet, seed: int, workspace: Path
) -> CutSnapshot:
    """Cut the lake at `versions` (table name to number) and write the snapshot, or find the one that is there.

    The same posts, judgements, policy set and seed give the same id wherever the lake lies. `workspace` is a
    folder for files that are gone afterwards. Raises EmptyLakeError where no post has a judgement.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="cut-", dir=workspace) as folder:
        connection = connect(Path(folder))
        try:
            return _cut(lake, versions, policy_set, seed, connection, Path(folder) / "sketches")
        finally:
            connection.close()


def _cut(
    lake: Lake, versions: dict[str, int], policy_set: PolicySet, seed: int,
    connection: duckdb.DuckDBPyConnection, sketches: Path,
) -> CutSnapshot:  # fmt: skip
    posts = lake.posts.open(versions["posts"])
    survey(connection, posts, sketches)
    gather(connection, lake.judgements.open(versions["judgements"]), policy_set.keys)
    placement = _place(connection, _judged(connection, lake, policy_set), sketches, seed)
    _order(connection, seed)
    salt = f"{FORMAT}\n{policy_set.model_dump_json()}\n{seed}\n".encode()
    identity = content_id(connection, salt)
    counts = _counts(connection)
    uri = lake.path("snapshots", f"{identity}.lance")
    head = describe(identity, policy_set.name, policy_set.keys, counts, seed)
    reused = _table(lake, uri).exists()
    if not reused:
        write(connection, posts, uri, head, lake.storage_options or None)
    _tag(lake, versions, identity)
    return CutSnapshot(identity, uri, counts, _dropped(connection, placement), reused)


def _judged(connection: duckdb.DuckDBPyConnection, lake: Lake, policy_set: PolicySet) -> _Facts:
    """The facts of the posts that have a judgement; raises EmptyLakeError where there is none."""
    facts = _facts(connection)
    if not len(facts.ordinals):
        raise EmptyLakeError(
            f"no post in the lake {lake.uri} has a judgement for a policy of {policy_set.name!r}; "
            f"ingest posts with labels for any of: {', '.join(policy_set.keys)}"
        )
    return facts


def _facts(connection: duckdb.DuckDBPyConnection) -> _Facts:
    """Judged posts in the order of their place in the lake."""
    columns = connection.sql(
        f"""SELECT ordinal, coalesce(author, 0)::UBIGINT AS author,
                   md5_number_lower(content) AS key, picture, coalesce(created, {UNDATED}) AS created
            FROM surveyed SEMI JOIN labelled USING (ordinal) ORDER BY ordinal"""  # noqa: S608 - a constant
    ).fetchnumpy()
    arrays = {name: np.ascontiguousarray(column) for name, column in columns.items()}
    return _Facts(arrays["ordinal"], arrays["author"], arrays["key"], arrays["picture"], arrays["created"])


def _place(connection: duckdb.DuckDBPyConnection, facts: _Facts, sketches: Path, seed: int) -> Placement:
    clusters = cluster(read_sketches(sketches, facts.ordinals), facts.pictures)
    placement = place(facts.authors, clusters, facts.times, facts.keys, seed)
    lasting = np.full(int(clusters.max()) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(lasting, clusters, facts.keys)  # a name that does not depend on the lake's order
    names = (lasting[clusters] >> np.uint64(1)).astype(np.int64)
    kept = placement.split != LEFT_OUT
    placed = pa.table(
        {
            "ordinal": facts.ordinals[kept],
            "cluster": names[kept],
            "split": placement.split[kept].astype(np.int64),
        }
    )
    connection.register("arrays", placed)
    connection.execute("CREATE TABLE placed AS SELECT * FROM arrays")
    connection.unregister("arrays")
    return placement


def _order(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Fill `ordered`: grouped by split; inside, shuffled by a hash of the post's fields and the seed.

    It is stored in this order, so that reading it needs no memory to speak of.
    """
    connection.execute("SET preserve_insertion_order = true")
    connection.execute(
        f"""CREATE TABLE ordered AS
            SELECT row, bytes, cluster, split, fields, votes, violating
            FROM placed JOIN labelled USING (ordinal) JOIN surveyed USING (ordinal)
            ORDER BY split, md5_number_lower('{seed}' || hex(fields)), fields"""  # noqa: S608 - a number
    )
    connection.execute(f"SET memory_limit = '{READING_LIMIT}'")


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    found = dict(connection.sql("SELECT split, count(*) FROM ordered GROUP BY split").fetchall())
    return {name: int(found.get(place, 0)) for place, name in enumerate(SPLITS)}


def _dropped(connection: duckdb.DuckDBPyConnection, placement: Placement) -> dict[str, int]:
    (copies,) = connection.sql("SELECT count(*) FROM copies").fetchall()[0]
    unjudged = (
        "SELECT count(*) FROM surveyed ANTI JOIN labelled USING (ordinal) ANTI JOIN copies USING (ordinal)"
    )
    (silent,) = connection.sql(unjudged).fetchall()[0]
    return {EXACT: copies, UNJUDGED: silent, STRADDLING: placement.straddling, CROSSING: placement.crossing}


def _tag(lake: Lake, versions: dict[str, int], identity: str) -> None:
    """Keep what the snapshot was cut from, and the snapshot itself, from clean-up."""
    name = f"snapshot-{identity}"
    lake.posts.tag(name, versions["posts"])
    lake.judgements.tag(name, versions["judgements"])
    snapshot = _table(lake, lake.path("snapshots", f"{identity}.lance"))
    snapshot.tag(name, int(snapshot.open().version))


def _table(lake: Lake, uri: str) -> Table:
    return Table(uri, pa.schema([]), (), lake.storage_options)
