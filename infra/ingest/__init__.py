"""Ingest: files and landing zones into the lake, each bad row into rejects."""

from infra.ingest.engine import Progress, ingest
from infra.ingest.summary import Summary

__all__ = ["Progress", "Summary", "ingest"]

# modules that others import from their own file: what sources are written in, and what a command needs without DuckDB
PUBLIC = (
    "contract",
    "files",
    "rejected",
    "source",
    "sources",
    "summary",
    "tables.mapping",
    "tables.preview",
    "tables.reading",
)
