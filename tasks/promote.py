"""Make a release the champion without a canary."""

from __future__ import annotations

from prefect import task

from infra.rollout import Store
from infra.settings import Settings
from tasks.register import Release
from tasks.retrying import PATIENT


@task(name="promote", **PATIENT)
def promote(settings: Settings, release: Release) -> Release:
    """Move the alias; the champion before it stays named in the version's tags, for a way back."""
    store = Store(settings)
    registry, champion = store.registry, store.registry.champion()
    version = registry.promote(release.version)
    if champion is None or champion.version != release.version:
        store.record("promote", release.version, "without a canary" if champion else "the first champion")
    registry.client.set_terminated(release.run_id)
    return release.model_copy(update={"promoted": True, "previous_champion": version.previous_champion})
