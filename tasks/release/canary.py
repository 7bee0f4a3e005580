"""Give a challenger real traffic, as fast as the evidence allows, until it is promoted or rolled back."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.rollout import (
    LEASE,
    Controller,
    ExpectedEffects,
    Rollout,
    Step,
    Store,
    Story,
    champion_or_none,
    judged,
    plan_named,
    plot,
    rest,
    table,
)
from infra.settings import Settings
from infra.weights import kept_embeddings
from models.bundle.bundle import Bundle, operating_points_of
from models.bundle.expected_effects import foretold
from models.domain.policy import DEFAULT_MARKET
from tasks.data.snapshot import Snapshot
from tasks.plumbing.artifacts import tell
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import say, tells
from tasks.release.register import Release

STOPPED = "its retraining was stopped; the same command goes on with it, moderato canary abort ends it"
POLL_SECONDS = 1.0  # seconds between looks
DRAWN = 15  # looks from one point of the course in MLflow to the next
SILENCE = 15  # looks without a decision after which it is worth a word
WAITING = (
    "no decision reaches this rollout yet: moderato serve answers requests, moderato replay sends some, and "
    "moderato canary promote, or retrain --no-canary, does without"
)


@task(name="canary", cache_policy=NO_CACHE, **PATIENT)  # one run calls it again after each answer
@tells(Release.story)
def canary(
    settings: Settings,
    release: Release,
    snapshot: Snapshot,
    plan: str,
    dry_run: tuple[str, ...] = (),
    *,
    hold: bool = False,
    leave: bool = False,
) -> Release:
    """Drive the release's rollout to its end; one that was killed goes on, and one that has ended stays ended.

    The release comes back promoted, or with the reason why not. A stage that stays inconclusive waits for a person;
    with `leave` it comes back as what it `asks`, and has no traffic until it is answered, for nobody watches it. With
    `hold`, one that is healthy to the end comes back held: the champion decides until a person does.
    """
    store = Store(settings)
    champion, rollout = store.registry.champion(), store.load(release.version)
    decides = champion is not None and champion.version == release.version
    if champion is not None and decides and (rollout is None or rollout.is_over):
        why = rollout.reason if rollout is not None and rollout.status == "promoted" else release.reason
        update = {"promoted": True, "previous_champion": champion.previous_champion, "reason": why}
        return release.model_copy(update=update)
    rollout = rollout or _begin(store, release, snapshot, plan, dry_run, hold)
    if decides or not _waits(rollout, leave=leave):  # its promotion was cut short, whoever was asked
        rollout = _drive(store, release, leave=leave)
    if rollout.status == "asking":
        rollout = rest(store, release.version, rollout.reason)
        return release.model_copy(update={"asks": table(judged(store, rollout)), "reason": rollout.reason})
    if rollout.status == "held":
        held = {"held": True, "previous_champion": rollout.champion, "reason": rollout.reason}
        return release.model_copy(update=held)
    store.registry.dismiss(release.version)  # registering again made it challenger again
    with _noted():
        store.registry.client.set_terminated(release.run_id)
    promoted = rollout.status == "promoted"
    return release.model_copy(
        update={"promoted": promoted, "previous_champion": rollout.champion, "reason": rollout.reason}
    )


def _begin(
    store: Store, release: Release, snapshot: Snapshot, plan: str, dry_run: tuple[str, ...], hold: bool
) -> Rollout:
    champion = champion_or_none(store)  # it decided when the retraining began
    assert champion is not None  # a first champion meets no canary
    uri, threads, kept = snapshot.uri, store.settings.threads, kept_embeddings(store.settings)
    theirs, ours = (
        Bundle.load(store.registry.fetch(store.registry.resolve(str(version))), threads, kept)
        for version in (champion.version, release.version)
    )
    actions, scores = foretold(theirs, ours, uri, store.settings.options_for(uri))
    begun = Rollout.begin(
        plan_named(plan),
        champion.version,
        release.version,
        datetime.now(UTC),
        promises=ExpectedEffects(factors={"action_rate": actions, "score_shift": scores}),
        dry_run=dry_run,
        hold=hold,
        policies=ours.policies,
        markets=tuple(market for market in ours.operating_points.markets if market != DEFAULT_MARKET),
    )
    return store.begin(begun, f"snapshot {snapshot.id[:12]}")


def _waits(rollout: Rollout, *, leave: bool) -> bool:
    """Whether there is nothing to drive: it is over, or a person decides."""
    return rollout.is_over or rollout.status == "held" or (leave and rollout.status == "asking")


def _drive(store: Store, release: Release, *, leave: bool) -> Rollout:
    """Look again and again until the rollout is over; follows a controller that went silent."""
    registry = store.registry
    points = operating_points_of(registry.fetch(registry.resolve(str(release.version))))
    markets = tuple(market for market in points.markets if market != DEFAULT_MARKET)
    assessed = tuple(policy for policy in points.policies if policy not in points.not_assessed)
    controller = Controller(store, release.version, assessed, markets)
    controller.lease.wait(2 * LEASE)
    with _left_in_order(store, controller):
        return _watched(store, release, controller, leave=leave)


def _watched(store: Store, release: Release, controller: Controller, *, leave: bool) -> Rollout:
    registry, story = store.registry, Story()
    said, course = "", LifecycleRun(registry, release.run_id).child("canary")
    while True:
        step = controller.look()
        story.add(step, datetime.now(UTC))
        now = _said(step.rollout)
        with _noted():
            if now != said or len(story.times) % DRAWN == 0:
                course.metrics(_course(step), step=course.age)
            if now != said:
                said = now
                _report(registry, release, step, story)
        if _waits(step.rollout, leave=leave):
            with _noted():
                course.finish()
            return step.rollout
        if len(story.times) == SILENCE and not step.posts:
            say(WAITING, logging.WARNING)
        time.sleep(POLL_SECONDS)


@contextmanager
def _left_in_order(store: Store, controller: Controller) -> Iterator[None]:
    """The next controller may follow at once; until then, where a person stopped this one, nobody is there to see
    harm: the champion decides alone.
    """
    try:
        yield
    except KeyboardInterrupt:
        rest(store, controller.version, STOPPED)
        raise
    finally:
        controller.lease.release()


@contextmanager
def _noted() -> Iterator[None]:
    """A run that somebody deleted takes no notes; that must not leave its rollout without a controller."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        say(f"MLflow keeps no notes of this rollout: {error.message}", logging.WARNING)


def _course(step: Step) -> dict[str, float]:
    """What MLflow draws over time: the share, and the evidence of harm of each guardrail and of all together."""
    harms: dict[str, float] = {}
    for reading in step.judgement.readings:
        harms[reading.guardrail] = max(harms.get(reading.guardrail, 0.0), reading.harm)
    course = {"share": step.rollout.share, "posts": step.posts, "harm": step.judgement.harm}
    return course | {f"harm.{name}": it for name, it in harms.items()}


def _said(rollout: Rollout) -> str:
    said = f"version {rollout.challenger} {rollout.status}, stage {rollout.current.name}"
    return f"{said}: {rollout.reason}" if rollout.reason else said


def _report(registry: Registry, release: Release, step: Step, story: Story) -> None:
    """The rollout as it stands, on Prefect's page of the run and in the MLflow run."""
    described = table(step)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "rollout.md").write_text(described)
        Path(folder, "evidence.png").write_bytes(plot(story))
        LifecycleRun(registry, release.run_id).artifacts(Path(folder), "canary")
    say(_said(step.rollout))
    tell("canary", described, _said(step.rollout))
