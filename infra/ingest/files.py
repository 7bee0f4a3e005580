"""Files of rows, found, opened and read: what batch scoring shares with ingest."""

from infra.ingest.chunks import Unit, read_json
from infra.ingest.columns import read_columns
from infra.ingest.lines import Block, json_object, lines
from infra.ingest.locations import Folder, Found
from infra.ingest.media import MEDIA, MEDIA_BYTES, medium
from infra.ingest.notes import Notes
from infra.ingest.opening import explained
from infra.ingest.parquet import read_parquet
from infra.ingest.reject import BadLineError, Reject, shorten
from infra.ingest.source import Json

__all__ = [
    "MEDIA",
    "MEDIA_BYTES",
    "BadLineError",
    "Block",
    "Folder",
    "Found",
    "Json",
    "Notes",
    "Reject",
    "Unit",
    "explained",
    "json_object",
    "lines",
    "medium",
    "read_columns",
    "read_json",
    "read_parquet",
    "shorten",
]
