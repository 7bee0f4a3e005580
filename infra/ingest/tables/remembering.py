"""The map by which a file was read, kept under home until it is read again: rejects are tried again by the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

from infra.ingest.tables.mapping import Map, MappingError, load, toml
from infra.settings import Settings
from models.process.atomic_write import write_text


def remember(settings: Settings, source: str, file: str, given: Map) -> None:
    path = _path(settings, source, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, toml(given))


def recalled(settings: Settings, source: str, file: str) -> Map | None:
    """None where no map is kept, or one that is none any more."""
    path = _path(settings, source, file)
    try:
        return load(path) if path.exists() else None
    except MappingError:
        return None


def _path(settings: Settings, source: str, file: str) -> Path:
    name = hashlib.sha256(f"{source}\n{file}".encode()).hexdigest()[:32]
    return settings.home / "maps" / f"{name}.toml"
