"""What placing posts in splits needs to know of each: numbers and hashes, no contents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from infra.snapshots.clusters import Labels, cluster
from infra.snapshots.hashing import Keys
from infra.snapshots.scan import read_sketches
from infra.snapshots.time_split import UNDATED, Times


@dataclass(frozen=True)
class Facts:
    """One entry for each post, copies apart, in the order of their place in the lake."""

    ordinals: np.ndarray[tuple[int], np.dtype[np.int64]]
    authors: Keys  # 0 for unknown
    keys: Keys  # of the contents
    pictures: Keys
    times: Times  # microseconds, or UNDATED

    def __len__(self) -> int:
        return len(self.ordinals)

    def of(self, chosen: npt.NDArray[np.bool_]) -> Facts:
        """Those of the chosen posts."""
        return Facts(
            self.ordinals[chosen],
            self.authors[chosen],
            self.keys[chosen],
            self.pictures[chosen],
            self.times[chosen],
        )

    def clusters(self, sketches: Path) -> Labels:
        """A number for each post that its near-duplicates share, [N]."""
        return cluster(read_sketches(sketches, self.ordinals), self.pictures)


def facts_of(connection: duckdb.DuckDBPyConnection, rows: str) -> Facts:
    """The facts of some rows of `surveyed`, given as what stands after FROM."""
    columns = connection.sql(
        f"""SELECT ordinal, coalesce(author, 0)::UBIGINT AS author,
                   md5_number_lower(content) AS key, picture, coalesce(created, {UNDATED}) AS created
            FROM {rows} ORDER BY ordinal"""  # noqa: S608 - the house's own words
    ).fetchnumpy()
    arrays = {name: np.ascontiguousarray(column) for name, column in columns.items()}
    return Facts(arrays["ordinal"], arrays["author"], arrays["key"], arrays["picture"], arrays["created"])


def lasting_names(clusters: Labels, keys: Keys) -> Labels:
    """A name [N] for each post's cluster that does not depend on the lake's order."""
    lasting = np.full(int(clusters.max(initial=-1)) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(lasting, clusters, keys)
    return (lasting[clusters] >> np.uint64(1)).astype(np.int64)
