"""Cut a corpus: posts of the lake for learning without judgements, in the form of a snapshot in which nothing is known.

A retraining tests on the latest posts. So that a backbone has not seen what the models built on it are tested on, the
cut in time is the one that a retraining on the same lake, policy set and seed makes: posts from it on are left out, and
so are posts of its test split that have no time, and near-duplicates of any of these. Where nothing is judged yet, the
cut is made as if everything were.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from infra.lake import Lake
from infra.snapshots.clusters import Labels
from infra.snapshots.columns import Facts, facts_of
from infra.snapshots.cut import EXACT, EmptyLakeError
from infra.snapshots.hashing import uniform
from infra.snapshots.scan import survey, workbench
from infra.snapshots.splits import FRACTIONS, LEFT_OUT, TEST, TRAIN, VALIDATION, Split, group, place
from infra.snapshots.store import CutSnapshot, Shelf, ordered, placed, store, tag
from infra.snapshots.time_split import UNDATED
from infra.snapshots.votes import find_copies, gather
from models.domain.policy import PolicySet

VALIDATED = 10_000  # posts at most that training pauses for
LATE, ALIKE = "is as late as what retraining tests on", "is a near-duplicate of what retraining tests on"
DISTINCT = "surveyed ANTI JOIN copies USING (ordinal)"
_UNKNOWN = """
CREATE OR REPLACE TABLE labelled AS
SELECT ordinal, array_value({zeros})::INTEGER[{width}] AS votes, array_value({zeros})::INTEGER[{width}] AS violating
FROM surveyed
"""


def pin_posts(lake: Lake, as_of: datetime | None = None) -> dict[str, int]:
    """The versions of posts and judgements now, or as committed at or before `as_of`; 0 for judgements not there yet.

    Raises EmptyLakeError where there are no posts, NoSuchVersionError where there were none then.
    """
    if lake.posts.is_empty():
        raise EmptyLakeError(
            f"the lake {lake.uri} holds no posts; bring some with `moderato ingest SOURCE PATH` "
            "or make some up with `moderato simulate`"
        )
    tables = {"posts": lake.posts, "judgements": lake.judgements}
    return {name: table.version_by(as_of) if table.exists() else 0 for name, table in tables.items()}


def cut_corpus(
    lake: Lake, versions: dict[str, int], policy_set: PolicySet, seed: int, workspace: Path
) -> CutSnapshot:
    """Cut the lake at `versions` (table name to number) and write the corpus, or find the one that is there.

    The same posts, policy set, seed and cut give the same id wherever the lake lies. `workspace` is a folder for files
    that are gone afterwards. Raises EmptyLakeError where every post is left out.
    """
    with workbench(workspace) as (connection, sketches):
        return _cut(lake, versions, policy_set, seed, connection, sketches)


def _cut(
    lake: Lake, versions: dict[str, int], policy_set: PolicySet, seed: int,
    connection: duckdb.DuckDBPyConnection, sketches: Path,
) -> CutSnapshot:  # fmt: skip
    posts = lake.posts.open(versions["posts"])
    survey(connection, posts, sketches)
    tested = _tested(connection, lake, versions["judgements"], policy_set, sketches, seed)
    facts = facts_of(connection, DISTINCT)
    clusters = facts.clusters(sketches)
    late = np.isin(facts.ordinals, tested.ordinals)
    if (tested.times != UNDATED).any():
        late |= facts.times >= tested.times[tested.times != UNDATED].min()
    alike = np.isin(clusters, clusters[late]) & ~late
    split = _split(facts, clusters, late | alike, seed)
    if (split == LEFT_OUT).all():
        raise EmptyLakeError(
            f"every post of the lake {lake.uri} is one that retraining would test on; ingest more posts"
        )
    placed(connection, facts, clusters, split)
    zeros = ", ".join("0" for _ in policy_set.keys)
    connection.execute(_UNKNOWN.format(zeros=zeros, width=len(policy_set.keys)))
    ordered(connection, seed)
    (copies,) = connection.sql("SELECT count(*) FROM copies").fetchall()[0]
    dropped = {EXACT: int(copies), LATE: int(late.sum()), ALIKE: int(alike.sum())}
    shelf = Shelf(lake, "corpora", tag="corpus", format=2)
    made = store(connection, posts, shelf, policy_set, seed, dropped)
    tag(shelf, made, versions)
    return made


def _tested(
    connection: duckdb.DuckDBPyConnection, lake: Lake, judgements: int, policy_set: PolicySet,
    sketches: Path, seed: int,
) -> Facts:  # fmt: skip
    """The posts that a retraining tests on; of all posts where none is judged."""
    if judgements:
        gather(connection, lake.judgements.open(judgements), policy_set.keys)
        judged = facts_of(connection, "surveyed SEMI JOIN labelled USING (ordinal)")
    else:
        find_copies(connection)
        judged = None
    facts = judged if judged is not None and len(judged) else facts_of(connection, DISTINCT)
    split = place(facts.authors, facts.clusters(sketches), facts.times, facts.keys, seed).split
    return facts.of(split == TEST)


def _split(facts: Facts, clusters: Labels, left_out: npt.NDArray[np.bool_], seed: int) -> Split:
    """Train, or validation for a small share; an author and a near-duplicate cluster lie in one of them."""
    groups, lasting = group(facts.authors, clusters, facts.keys)
    share = min(FRACTIONS["validation"], VALIDATED / max(1, len(facts)))
    chance = np.where(np.bincount(groups, weights=~left_out) > 0, uniform(lasting, 2 * seed + 1), np.inf)
    validation = chance < share
    if not validation.any() and np.isfinite(chance).sum() > 1:
        validation[np.argmin(chance)] = True
    split = np.where(validation[groups], VALIDATION, TRAIN).astype(np.int8)
    split[left_out] = LEFT_OUT
    return split
