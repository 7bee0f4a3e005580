"""Pin the lake's versions, and cut a snapshot from them."""

from __future__ import annotations

from datetime import datetime

from prefect import task

from infra.lake import open_lake
from infra.settings import Settings
from models.policies import POLICY_SETS
from tasks.data.policy_set import policy_set_as
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION, ON_FLOW_RUN
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import counted, tells


class LakeVersions(Handle):
    """The lake at one moment."""

    uri: str
    posts: int
    judgements: int
    policy_digest: str = ""

    def story(self) -> str:
        return f"posts at version {self.posts}, judgements at version {self.judgements}"


class Snapshot(Handle):
    """A snapshot in the lake; `dropped` says why posts of the lake are not in it."""

    id: str
    uri: str
    policy_set: str
    policy_digest: str = ""
    policies: tuple[str, ...]
    counts: dict[str, int]
    versions: dict[str, int]
    seed: int
    dropped: dict[str, int]

    @property
    def told(self) -> str:
        """How many posts are in which split, and how many of the lake are in none, by reason."""
        return f"{counted(self.counts)}; left out: {counted(self.dropped) or 'none'}"

    def story(self) -> str:
        return f"snapshot {self.id[:12]}, posts: {self.told}"


@task(
    name="pin lake versions",
    **PATIENT,
    cache_policy=ON_FLOW_RUN,
    persist_result=True,
)
@tells(LakeVersions.story)
def pin(settings: Settings, as_of: datetime | None = None, policy_set: str = "") -> LakeVersions:
    """The lake as it is now, or as it was committed at or before `as_of`; and what the policy set says now."""
    from infra.snapshots import pin_versions

    lake = open_lake(settings)
    digest = POLICY_SETS[policy_set].digest if policy_set else ""
    return LakeVersions(uri=lake.uri, policy_digest=digest, **pin_versions(lake, as_of))


@task(
    name="cut snapshot",
    **PATIENT,
    cache_policy=ON_DATA_AND_CONFIGURATION,
    persist_result=True,
)
@tells(Snapshot.story)
def cut(settings: Settings, versions: LakeVersions, policy_set: str, seed: int) -> Snapshot:
    """Cut the snapshot of those versions, or find the one that is there."""
    from infra.snapshots import cut_snapshot

    chosen = policy_set_as(policy_set, versions.policy_digest)
    pinned = {"posts": versions.posts, "judgements": versions.judgements}
    made = cut_snapshot(open_lake(settings), pinned, chosen, seed, settings.work / "snapshots")
    return Snapshot(
        id=made.id, uri=made.uri, policy_set=policy_set, policy_digest=chosen.digest, policies=chosen.keys,
        counts=made.counts, versions=pinned, seed=seed, dropped=made.dropped,
    )  # fmt: skip
