"""Bring files of a source into the lake."""

from __future__ import annotations

from prefect import task

from infra.ingest import Summary
from infra.ingest import ingest as bring_in
from infra.settings import Settings
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells


@task(name="ingest", **PATIENT)
@tells(Summary.story)
def ingest(settings: Settings, source: str, path: str) -> Summary:
    """Never cached: a landing zone holds other files each time, and what the lake holds already changes nothing."""
    return bring_in(settings, source, path)
