"""A champion that is gone is not one that never was: what became of it, and what a person may do about it."""

from __future__ import annotations

from dataclasses import dataclass

from infra.registry import DECIDERS, Decider, LostBundleError, RegisteredVersion, Registry, deciders, is_empty
from infra.rollout.store import Store
from models.bundle.manifest import TamperedBundleError
from models.domain.errors import UserError

DECIDED = "act IN ('promote', 'roll back')"  # acts after which a version decides
CHOICES = (
    "moderato rollback lets the last whole version decide; moderato rollback --copy registers the vanished one again "
    "from its run or a gateway's copy; moderato retrain --begin-anew begins without a champion"
)


class VanishedChampionError(UserError):
    """A champion decided and is gone: a person says how it goes on."""


@dataclass(frozen=True)
class Incident:
    """`last` decided last; `happened` goes on after its name."""

    last: Decider
    happened: str

    @property
    def seen(self) -> str:
        """In a line for people."""
        return (
            f"version {self.last.version} decided last, but {self.happened}; gateways that hold it serve on"
        )

    @property
    def told(self) -> str:
        """The same with the choices."""
        return f"{self.seen}. {CHOICES}"


def incident(store: Store, *, deep: bool = False) -> Incident | None:
    """What is wrong with who decides; None where a champion does, and where none ever did.

    deep: whether its bundle is looked at too, here or in MLflow.
    """
    return trouble_with(store, store.registry.champion(), deep=deep)


def trouble_with(store: Store, champion: RegisteredVersion | None, *, deep: bool = False) -> Incident | None:
    """The same of a champion that was just looked up."""
    registry = store.registry
    if champion is None:
        last = last_decider(store)
        return Incident(last, _gone(registry, last)) if last else None
    if champion.is_foreign:
        last = last_decider(store) or Decider.of(champion, registry.name)
        other = f"the alias champion points at version {champion.version}, which Moderato did not register"
        return Incident(last, other)
    lost = _lost(registry, champion) if deep else ""
    return Incident(Decider.of(champion, registry.name), lost) if lost else None


def champion_or_none(store: Store) -> RegisteredVersion | None:
    """The champion, whole; raises VanishedChampionError where one decided and is gone."""
    champion = store.registry.champion()
    found = trouble_with(store, champion, deep=True)
    if found:
        raise VanishedChampionError(found.told)
    return champion


def last_decider(store: Store) -> Decider | None:
    """Who decided last, by the registered model's memory, else by the acts in the lake."""
    known = deciders(store.registry)
    if known:
        return known[-1]
    if not store.lake.acts.exists() or _others_decide(store.registry):
        return None
    acts = store.lake.acts.open().to_table(columns=["at", "version"], filter=DECIDED).sort_by("at")
    return Decider(version=acts["version"][-1].as_py(), digest="") if len(acts) else None


def _others_decide(registry: Registry) -> bool:
    """Whether another registered model has champions: the lake's acts, which name no model, may be about that one."""
    models = [] if is_empty(registry.settings) else registry.client.search_registered_models()
    return any(DECIDERS in model.tags for model in models if model.name != registry.name)


def _gone(registry: Registry, last: Decider) -> str:
    if is_empty(registry.settings):
        return "MLflow's database is gone"
    versions = {version.version: version for version in registry.versions()}
    there = versions.get(last.version)
    if there is not None and last.digest in ("", there.digest):
        return "the alias champion was deleted in MLflow"
    return "it was deleted in MLflow" if versions else f"nothing is registered as {registry.name} any more"


def _lost(registry: Registry, champion: RegisteredVersion) -> str:
    try:
        registry.fetch(champion)
    except (LostBundleError, TamperedBundleError) as error:
        return str(error).partition(";")[0]
    return ""
