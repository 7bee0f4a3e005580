"""Who decides now: the model that a candidate has to match."""

from __future__ import annotations

from prefect import task

from infra.registry import RegisteredVersion
from infra.rollout import Store, VanishedChampionError, champion_or_none
from infra.settings import Settings
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells
from tasks.training.run import Run


class Champion(Handle):
    """A registered model that decides; `snapshot` is the id of the one it learned from."""

    version: int
    key: str
    run_id: str
    snapshot: str

    def story(self) -> str:
        return f"version {self.version} decides; the candidate has to match it"


def _story(champion: Champion | None) -> str:
    return champion.story() if champion else "nobody to match: this would be the first champion"


@task(name="incumbent", **PATIENT)
@tells(_story)
def incumbent(settings: Settings, run: Run, *, begin_anew: bool = False) -> Champion | None:
    """The champion; where that is this very candidate, which was promoted before, the one that it replaced.

    One that has vanished is not one that never was: raises VanishedChampionError, or gives None with `begin_anew`.
    """
    store = Store(settings)
    try:
        champion = champion_or_none(store)
    except VanishedChampionError:
        if begin_anew:
            return None
        raise
    if champion is not None and champion.key == run.key:
        champion = store.registry.version(champion.previous_champion)
    return _handle(champion) if champion else None


def _handle(version: RegisteredVersion) -> Champion:
    return Champion(
        version=version.version, key=version.key, run_id=version.run_id, snapshot=version.snapshot
    )
