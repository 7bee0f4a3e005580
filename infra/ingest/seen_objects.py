"""Which objects of a landing zone were taken already, by their ETags."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from models.process.atomic_write import write_text


@dataclass(frozen=True)
class Landing:
    """One JSON file under home; `zone` keeps lakes, sources and buckets apart."""

    path: Path
    zone: str

    def knows(self, key: str, etag: str) -> bool:
        return self._all().get(self.zone, {}).get(key) == etag

    def remember(self, etags: dict[str, str]) -> None:
        """Call once the objects' rows are committed: what is forgotten is only read again."""
        zones = self._all()
        zones.setdefault(self.zone, {}).update(etags)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(zones, indent=1, sort_keys=True))

    def _all(self) -> dict[str, dict[str, str]]:
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
