"""What lies in the landing zone, into the lake: only what is new is taken."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from prefect import flow
from prefect.states import Completed

from infra.environment import entered
from infra.ingest import Summary
from tasks.data.ingest import ingest as bring_in
from tasks.plumbing.results import RESULTS


@flow(name="ingest", result_serializer=RESULTS, timeout_seconds=6 * 3600)
def ingest(source: str = "", path: str = "") -> Summary:
    """Bring files of `source` at `path` into the lake; the landing zone of the settings where they are empty.

    source: a name, or the path of a map's TOML file, which `moderato ingest table --save` writes.
    path: a file, a folder of files or s3://bucket/prefix that is there. The step tries again while a store is away; the
    flow does not, since a path that is misspelt stays so.
    """
    settings = entered()
    if not path and not settings.landing_uri:  # a folder that anybody named must be there
        Path(settings.landing).mkdir(parents=True, exist_ok=True)
    summary = bring_in(settings, source or settings.landing_source, path or settings.landing)
    told = (
        f"{summary.rows:,} rows, {summary.rejects.total:,} rejects, {summary.skipped:,} objects taken before"
    )
    return cast("Summary", Completed(message=told, data=summary))
