"""Posts of the lake that nobody judged, drawn for a candidate to be tried on before it may act."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import lance

from infra.lake import Lake, standing
from infra.snapshots.scan import batches, workbench
from models.domain.policy import PolicySet

if TYPE_CHECKING:
    from models.evaluation.predictions import LakePosts

DRAWN = 2_000  # posts: of a share of one in a thousand two are seen, and scoring them takes seconds
LATEST = 20_000  # posts that they are drawn from: what came last is the likest to what will come

_DRAW = """
WITH latest AS (
    SELECT _rowid AS row, post_id FROM posts ANTI JOIN judged USING (post_id)
    ORDER BY coalesce(created_at, ingested_at) DESC, post_id LIMIT {latest})
SELECT row FROM latest ORDER BY md5_number_lower('{seed}' || post_id), post_id LIMIT {drawn}
"""


def unjudged_posts(
    lake: Lake, versions: dict[str, int], policy_set: PolicySet, seed: int, workspace: Path
) -> LakePosts | None:
    """A sample of the latest posts without a judgement that stands for any of the policies; None where there are none.

    `versions` are what the snapshot was cut from, so that the same candidate meets the same posts. Posts that a gateway
    decided are among them once the lake holds them.
    """
    from models.evaluation.predictions import LakePosts

    if not (lake.posts.exists() and lake.judgements.exists()):
        return None
    posts, judgements = (
        table.open(versions[name]) for name, table in (("posts", lake.posts), ("judgements", lake.judgements))
    )
    rows = _drawn(posts, judgements, policy_set, seed, workspace)
    return LakePosts(posts.uri, int(posts.version), rows, dict(lake.storage_options)) if rows else None


def _drawn(
    posts: lance.LanceDataset,
    judgements: lance.LanceDataset,
    policy_set: PolicySet,
    seed: int,
    workspace: Path,
) -> tuple[int, ...]:
    keys = ", ".join(f"'{key}'" for key in policy_set.keys)
    with workbench(workspace) as (connection, _):
        # A table of its own, for both are read once and neither fits in memory.
        connection.register(
            "read", batches(judgements, ["post_id"], standing(judgements, f"policy IN ({keys})"))
        )
        connection.execute("CREATE TABLE judged AS SELECT DISTINCT post_id FROM read")
        connection.unregister("read")
        connection.register("posts", batches(posts, ["post_id", "created_at", "ingested_at"]))
        draw = _DRAW.format(latest=LATEST, drawn=DRAWN, seed=seed)
        return tuple(int(row) for (row,) in connection.sql(draw).fetchall())
