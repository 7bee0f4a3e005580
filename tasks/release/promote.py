"""Make a release the champion without a canary."""

from __future__ import annotations

from prefect import task

from infra.rollout import Store, VanishedChampionError, trouble_with
from infra.settings import Settings
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells
from tasks.release.register import Release


@task(name="promote", **PATIENT)
@tells(Release.story)
def promote(settings: Settings, release: Release, *, begin_anew: bool = False) -> Release:
    """Move the alias; the champion before it stays named in the version's tags, for a way back.

    Raises VanishedChampionError where one decided and is gone, unless `begin_anew` says that this one follows.
    """
    store = Store(settings)
    registry, champion = store.registry, store.registry.champion()
    decides = champion is not None and champion.version == release.version
    vanished = None if decides else trouble_with(store, champion)
    if vanished and not begin_anew:
        raise VanishedChampionError(vanished.told)
    version = registry.promote(release.version)
    if not decides:
        first = f"begun anew: {vanished.happened}" if vanished else "the first champion"
        store.record("promote", release.version, "without a canary" if champion and not vanished else first)
    registry.client.set_terminated(release.run_id)
    return release.model_copy(update={"promoted": True, "previous_champion": version.previous_champion})
