"""Pin the lake's versions, and cut a snapshot from them."""

from __future__ import annotations

from datetime import datetime

from prefect import task

from infra.lake import open_lake
from infra.settings import Settings
from models.policies import POLICY_SETS
from tasks.caching import ON_DATA_AND_CONFIGURATION, ON_FLOW_RUN
from tasks.handle import Handle
from tasks.retrying import PATIENT
from tasks.story import counted, tells


class LakeVersions(Handle):
    """The lake at one moment."""

    uri: str
    posts: int
    judgements: int

    def story(self) -> str:
        return f"posts at version {self.posts}, judgements at version {self.judgements}"


class Snapshot(Handle):
    """A snapshot in the lake; `dropped` says why posts of the lake are not in it."""

    id: str
    uri: str
    policy_set: str
    policies: tuple[str, ...]
    counts: dict[str, int]
    versions: dict[str, int]
    seed: int
    dropped: dict[str, int]

    def story(self) -> str:
        left_out = f"; left out: {out}" if (out := counted(self.dropped)) else ""
        return f"snapshot {self.id[:12]} of {counted(self.counts)} posts{left_out}"


@task(
    name="pin lake versions",
    **PATIENT,
    cache_policy=ON_FLOW_RUN,
    persist_result=True,
)
@tells(LakeVersions.story)
def pin(settings: Settings, as_of: datetime | None = None) -> LakeVersions:
    """The lake as it is now, or as it was committed at or before `as_of`."""
    from infra.snapshots import pin_versions

    lake = open_lake(settings)
    return LakeVersions(uri=lake.uri, **pin_versions(lake, as_of))


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

    chosen = POLICY_SETS[policy_set]
    pinned = {"posts": versions.posts, "judgements": versions.judgements}
    made = cut_snapshot(open_lake(settings), pinned, chosen, seed, settings.work / "snapshots")
    return Snapshot(
        id=made.id, uri=made.uri, policy_set=policy_set, policies=chosen.keys, counts=made.counts,
        versions=pinned, seed=seed, dropped=made.dropped,
    )  # fmt: skip
