"""Ask a person about a canary that is inconclusive, on the page of its run in Prefect, with the evidence beside it.

As tasks.release.approval, which says how a run is suspended, this is no Prefect task. Where a terminal started
the run there is no page: its canary is watched on, and answered by `moderato canary`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from infra.markdown import plain
from infra.rollout import Rollout, Store, act
from infra.settings import Settings
from tasks.release.approval import Signed, asked_on_page
from tasks.release.approver import DEADLINE, Approver, on_page
from tasks.release.described import pointer
from tasks.release.register import Release

PAUSE = "canary"  # how the keys of its pauses begin
ACTS = {"wait longer": "resume", "roll back": "abort", "promote": "promote"}
OTHERWISE: Literal["roll back"] = (
    "roll back"  # where nobody answers: what is not shown never becomes champion
)


class Word(Signed):
    """What a person says about a canary."""

    decision: Literal["wait longer", "roll back", "promote"] = Field(
        description="Wait longer gives the stage its whole time again, roll back keeps the champion, promote makes the "
        "challenger decide at once.",
        json_schema_extra={"position": 0},
    )


def unanswered(why: str) -> Word:
    """What is said in a person's place."""
    return Word(decision=OTHERWISE, reason=why, name=DEADLINE)


def answered(settings: Settings, drive: Callable[[], Release], hours: float) -> Release:
    """The release that `drive` comes back with at the end, each time that it asks answered by a person."""
    release = drive()
    while release.asks:
        _ask(Store(settings), release, hours)
        release = drive()
    return release


def _ask(store: Store, release: Release, hours: float) -> None:
    rollout = store.load(release.version)
    if rollout is None or rollout.status != "asking":  # answered elsewhere since
        return
    described = _described(store, release, hours)

    def known(word: Word, pause: str) -> Approver:
        return on_page(store.settings, word, release.version, pause, hours, OTHERWISE)

    word, who = asked_on_page(Word, described, key(rollout), known)
    if store.load(release.version) == rollout:  # `moderato canary` may have come first
        act(store, ACTS[word.decision], f"{word.decision}, by {who}: {word.reason}", who.name)


def key(rollout: Rollout) -> str:
    """One for each time that it asks."""
    when = rollout.last.at if rollout.last else rollout.stage_began
    return f"{PAUSE} {rollout.id} {when:%Y%m%d%H%M%S%f}"


def _described(store: Store, release: Release, hours: float) -> str:
    """What a person needs to decide."""
    asks = f"**The canary of version {release.version} asks**: {plain(release.reason)}."
    parts = [
        f"{asks} {pointer(store.registry, release)}",
        f"Answer within {hours:g} hours; else the champion stays. Until then the challenger has no traffic.",
        release.asks,
    ]
    return "\n\n".join(part for part in parts if part)
