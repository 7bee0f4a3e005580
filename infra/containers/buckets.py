"""Make the buckets that the settings name, where they are missing: `python -m infra.containers.buckets`."""

from __future__ import annotations

from infra.objects import Objects, is_s3, split
from infra.settings import Settings


def make_buckets(settings: Settings) -> set[str]:
    """The buckets of lake, landing zone and artifacts, all there afterwards; raises UnreachableError."""
    addresses = (settings.lake, settings.landing, settings.artifact_uri)
    names = {split(address)[0] for address in addresses if is_s3(address)}
    for name in names:
        Objects(settings, name).make_bucket()
    return names


if __name__ == "__main__":
    make_buckets(Settings())
