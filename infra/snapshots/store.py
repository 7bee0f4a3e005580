"""Posts that were placed in splits, on their way to the lake: in order, named by content, written once, tagged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import lance
import numpy as np
import pyarrow as pa

from infra.lake import Lake, Table
from infra.snapshots.clusters import Labels
from infra.snapshots.columns import Facts, lasting_names
from infra.snapshots.rows import content_id, describe, write
from infra.snapshots.scan import READING_LIMIT
from infra.snapshots.splits import LEFT_OUT, Split
from models.domain.policy import PolicySet
from models.domain.schemas import SPLITS


@dataclass(frozen=True)
class CutSnapshot:
    """`counts` per split; `dropped` says why posts of the lake are not in the snapshot."""

    id: str
    uri: str
    counts: dict[str, int]
    dropped: dict[str, int]
    reused: bool


@dataclass(frozen=True)
class Shelf:
    """Where sets of one kind lie in the lake; `tag` is the word before their ids in the tags of tables."""

    lake: Lake
    folder: str
    tag: str
    format: int  # of the rows and the identity

    def uri(self, identity: str) -> str:
        return self.lake.path(self.folder, f"{identity}.lance")

    def salt(self, policy_set: PolicySet, seed: int) -> bytes:
        return f"{self.format}\n{policy_set.model_dump_json()}\n{seed}\n".encode()


def placed(connection: duckdb.DuckDBPyConnection, facts: Facts, clusters: Labels, split: Split) -> None:
    """Fill the table `placed` with the posts that are not left out."""
    kept = split != LEFT_OUT
    arrays = pa.table(
        {
            "ordinal": facts.ordinals[kept],
            "cluster": lasting_names(clusters, facts.keys)[kept],
            "split": split[kept].astype(np.int64),
        }
    )
    connection.register("arrays", arrays)
    connection.execute("CREATE TABLE placed AS SELECT * FROM arrays")
    connection.unregister("arrays")


def ordered(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
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


def store(
    connection: duckdb.DuckDBPyConnection, posts: lance.LanceDataset, shelf: Shelf,
    policy_set: PolicySet, seed: int, dropped: dict[str, int],
) -> CutSnapshot:  # fmt: skip
    """Write what `ordered` holds, or find it where it is there."""
    identity = content_id(connection, shelf.salt(policy_set, seed))
    found = dict(connection.sql("SELECT split, count(*) FROM ordered GROUP BY split").fetchall())
    counts = {name: int(found.get(place, 0)) for place, name in enumerate(SPLITS)}
    uri, lake = shelf.uri(identity), shelf.lake
    reused = _table(lake, uri).exists()
    if not reused:
        head = describe(identity, policy_set, counts, seed)
        write(connection, posts, uri, head, lake.storage_options or None)
    return CutSnapshot(identity, uri, counts, dropped, reused)


def tag(shelf: Shelf, made: CutSnapshot, versions: Mapping[str, int]) -> None:
    """Keep what the set was cut from (table name to version, 0 for none), and the set itself, from clean-up."""
    name = f"{shelf.tag}-{made.id}"
    for table, version in versions.items():
        if version:
            getattr(shelf.lake, table).tag(name, version)
    own = _table(shelf.lake, made.uri)
    own.tag(name, int(own.open().version))


def _table(lake: Lake, uri: str) -> Table:
    return Table(uri, pa.schema([]), (), lake.storage_options)
