"""What an ingest left in the lake."""

from __future__ import annotations

from typing import Any

from infra.lake import Lake, Table


def rows(table: Table, *columns: str) -> list[dict[str, Any]]:
    return table.open().to_table(columns=list(columns) or None).to_pylist()


def versions(lake: Lake) -> list[int]:
    tables = (lake.posts, lake.judgements, lake.rejects)
    return [table.open().version if table.exists() else 0 for table in tables]
