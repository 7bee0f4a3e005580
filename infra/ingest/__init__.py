"""Ingest: files and landing zones into the lake, each bad row into rejects."""

from infra.ingest.engine import Progress, ingest
from infra.ingest.summary import Summary

__all__ = ["Progress", "Summary", "ingest"]
