"""The lake: posts, judgements, rejects and snapshots as Lance tables in a folder or under s3://."""

from infra.lake.conditions import among, quoted, standing
from infra.lake.indexes import Index
from infra.lake.lake import SNAPSHOTS, Lake, open_lake
from infra.lake.load import Load
from infra.lake.merging import KEYS_AT_ONCE
from infra.lake.rows import Door, UnfitRowsError
from infra.lake.table import Table, Upsert

__all__ = [
    "KEYS_AT_ONCE",
    "SNAPSHOTS",
    "Door",
    "Index",
    "Lake",
    "Load",
    "Table",
    "UnfitRowsError",
    "Upsert",
    "among",
    "open_lake",
    "quoted",
    "standing",
]
