"""Objects below an address of an S3 server."""

from __future__ import annotations

import hashlib
from pathlib import Path

from infra.forms import beneath
from infra.objects import Prefix
from infra.settings import S3, Settings
from infra.weights.source import WeightsSource, fetched_once


def folder(settings: Settings, rest: str) -> Path:
    """A copy beside those of other versions: the objects' ETags are part of its name.

    Whoever writes to the bucket chooses its keys; one that leads out of the copy is refused.
    """
    place = Prefix.of(settings, f"{S3}{rest}")
    found = [entry for entry in place.list() if entry.key]
    told = "".join(f"{place.whole(entry.key)}\0{entry.etag}\0" for entry in found)
    name = hashlib.sha256(told.encode()).hexdigest()

    def download(aside: Path) -> None:
        for entry in found:
            target = beneath(aside, entry.key)
            target.parent.mkdir(parents=True, exist_ok=True)
            place.download(entry.key, target)

    return fetched_once(settings.work / "weights" / name[:16], download)


WEIGHTS_SOURCE = WeightsSource(name="s3", prefix=S3, form="s3://bucket/prefix", folder=folder)
