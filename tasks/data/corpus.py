"""Pin the lake's versions, and cut a corpus of posts from them: judged or not, none that a retraining tests on."""

from __future__ import annotations

from datetime import datetime

from prefect import task

from infra.lake import open_lake
from infra.markdown import cells, code
from infra.settings import Settings
from models.policies import POLICY_SETS
from tasks.data.policy_set import policy_set_as
from tasks.plumbing.artifacts import tell
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION, ON_FLOW_RUN
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import counted, tells


class PostVersions(Handle):
    """The lake at one moment; 0 where there are no judgements yet."""

    uri: str
    posts: int
    judgements: int
    policy_digest: str = ""

    def story(self) -> str:
        return f"posts at version {self.posts}"


class Corpus(Handle):
    """A corpus in the lake; `dropped` says why posts of the lake are not in it."""

    id: str
    uri: str
    policy_set: str
    counts: dict[str, int]
    versions: dict[str, int]
    seed: int
    dropped: dict[str, int]

    def story(self) -> str:
        left_out = f"; left out: {out}" if (out := counted(self.dropped)) else ""
        return f"corpus {self.id[:12]} of {counted(self.counts)} posts{left_out}"


@task(name="pin posts", cache_policy=ON_FLOW_RUN, persist_result=True, **PATIENT)
@tells(PostVersions.story)
def pin(settings: Settings, as_of: datetime | None = None, policy_set: str = "") -> PostVersions:
    """The lake as it is now, or as it was committed at or before `as_of`; and what the policy set says now."""
    from infra.snapshots import pin_posts

    lake = open_lake(settings)
    digest = POLICY_SETS[policy_set].digest if policy_set else ""
    return PostVersions(uri=lake.uri, policy_digest=digest, **pin_posts(lake, as_of))


@task(name="cut corpus", cache_policy=ON_DATA_AND_CONFIGURATION, persist_result=True, **PATIENT)
@tells(Corpus.story)
def cut(settings: Settings, versions: PostVersions, policy_set: str, seed: int) -> Corpus:
    """Cut the corpus of those versions, or find the one that is there."""
    from infra.snapshots import cut_corpus

    chosen = policy_set_as(policy_set, versions.policy_digest)
    pinned = {"posts": versions.posts, "judgements": versions.judgements}
    made = cut_corpus(open_lake(settings), pinned, chosen, seed, settings.work / "snapshots")
    corpus = Corpus(
        id=made.id, uri=made.uri, policy_set=policy_set, counts=made.counts, versions=pinned, seed=seed,
        dropped=made.dropped,
    )  # fmt: skip
    tell("corpus", _told(corpus), "what a backbone learns from")
    return corpus


def _told(corpus: Corpus) -> str:
    rows = [("learned from", corpus.counts["train"]), ("validated on", corpus.counts["validation"])]
    rows += [(f"left out: {reason}", count) for reason, count in corpus.dropped.items()]
    lines = [cells(what, f"{count:,}") for what, count in rows]
    return "\n".join([f"Corpus {code(corpus.id)}", "", "| posts | |", "|---|---:|", *lines])
