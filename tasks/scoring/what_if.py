"""What other objectives would change: on posts that a version decided live, or else on judged ones; no training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from prefect import task
from pydantic import Field

from infra.lake import Lake, open_lake
from infra.markdown import cells, code, plain
from infra.registry import RegisteredVersion, Registry
from infra.settings import Settings
from infra.weights import kept_embeddings
from models.bundle.bundle import Bundle
from models.domain.errors import UserError
from models.domain.policy import PolicySet
from models.domain.policy_changes import changed
from models.domain.schemas import SPLITS
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.evaluation.predictions import score_splits
from models.evaluation.stored_scores import NAME, StoredScores, read_scores, write_scores
from models.evaluation.what_if import ALL, ANY, Change, Traffic, WhatIf
from models.evaluation.what_if import what_if as compared
from models.policies import POLICY_SETS
from models.process.atomic_write import put_in_place, whole_file
from tasks.plumbing.artifacts import tell
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT

MIN_LIVE_POSTS = 1000  # live posts, from which on they are the traffic that is decided
MAX_LIVE_POSTS = 50_000  # live posts that are looked at: the newest
LIVE = ("champion", "challenger")  # roles whose decisions reached people
THOUSAND = 1000


class NothingScoredError(UserError):
    """A version that no posts are left of to try other objectives on."""


class Tried(Handle):
    """What another set of objectives does on a version's scores; `notes` say what to know before acting on it."""

    version: int
    policy_set: str
    digest: str
    traffic: str = Field(description="which posts were decided")
    evidence: str = Field(description="which posts thresholds were derived from")
    found: WhatIf
    notes: tuple[str, ...] = ()


def try_objectives(settings: Settings, policy_set: PolicySet, on: str = "champion") -> Tried:
    """Decide what `on`, an alias or a number, has scored by this set's objectives, beside its own."""
    registry = Registry(settings)
    version = registry.resolve(on)
    bundle, lake = (
        Bundle.load(registry.fetch(version), settings.threads, kept_embeddings(settings)),
        open_lake(settings),
    )
    stored = _stored(settings, lake, version, bundle)
    if not {*bundle.policies} & {*policy_set.keys}:
        raise NothingScoredError(
            f"version {version.version} has no score for any policy of {policy_set.name!r}; it learned "
            f"{', '.join(bundle.policies)}: retrain with --policy-set {policy_set.name}"
        )
    traffic, told = _traffic(lake, version, stored)
    judged = stored.held_out if len(stored.held_out.markets) else stored.derived
    found = compared(bundle.operating_points, policy_set, stored.derived, traffic, judged)
    return Tried(
        version=version.version,
        policy_set=policy_set.name,
        digest=policy_set.digest,
        traffic=told,
        evidence=f"{len(stored.derived.markets):,} judged posts of its snapshot",
        found=found,
        notes=tuple(_notes(bundle, stored, found)),
    )


@task(name="what if", **PATIENT)
def what_if(settings: Settings, policy_set: str, changes: tuple[str, ...], on: str) -> Tried:
    """The same for a set by its name with some objectives changed; the table becomes an artifact of the run."""
    tried = try_objectives(settings, changed(POLICY_SETS[policy_set], changes), on)
    tell("what-if", markdown(tried), f"{policy_set} on version {tried.version}")
    return tried


def _stored(settings: Settings, lake: Lake, version: RegisteredVersion, bundle: Bundle) -> StoredScores:
    """A version's scores on judged posts: of the run that made it, else made once and kept."""
    kept = settings.work / "what-if" / f"{version.digest[:16]}.parquet"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        logged = _logged(Registry(settings), version, kept.parent)
        if logged is not None:
            put_in_place(logged, kept)
        else:
            scores = _scored(lake, version, bundle)
            with whole_file(kept) as aside:
                write_scores(aside, scores)
    return read_scores(kept)


def _logged(registry: Registry, version: RegisteredVersion, folder: Path) -> Path | None:
    from mlflow.exceptions import MlflowException

    path = f"evaluation/{NAME}"
    try:
        listed = {item.path for item in registry.client.list_artifacts(version.run_id, "evaluation")}
    except MlflowException:
        return None
    return (
        Path(registry.client.download_artifacts(version.run_id, path, str(folder)))
        if path in listed
        else None
    )


def _scored(lake: Lake, version: RegisteredVersion, bundle: Bundle) -> StoredScores:
    """Raises NothingScoredError where the snapshot is gone."""
    uri, points = lake.snapshot(version.snapshot), bundle.operating_points
    used = tuple(split for split in SPLITS if split in points.derived_from)
    try:
        parts = [
            score_splits(bundle.scorer, uri, splits, lake.storage_options)
            for splits in (used, tuple({"test"} - {*used}) or ("none",))
        ]
    except (ValueError, FileNotFoundError) as error:
        raise NothingScoredError(
            f"version {version.version}: its snapshot {version.snapshot[:12]} is not in the lake, and its run logged "
            f"no scores ({str(error)[:100]}); try it on a newer version: moderato policies try FILE --on VERSION"
        ) from None
    derived, held_out = (
        JudgedScores(
            part.policies, bundle.calibration(part.logits), part.labels, part.market, points.assessed
        )
        for part in parts
    )
    return StoredScores(derived, held_out)


def _traffic(lake: Lake, version: RegisteredVersion, stored: StoredScores) -> tuple[Traffic, str]:
    """Live posts where there are enough; else judged ones, which are not drawn as traffic is."""
    policies = stored.derived.policies
    live = _live(lake, version.version)
    if len(live) >= MIN_LIVE_POSTS:
        first, last = live["decided_at"][0].as_py(), live["decided_at"][-1].as_py()
        told = (
            f"{len(live):,} posts that it decided live, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
        )
        markets = np.array(live["market"].to_pylist(), str)
        return Traffic(policies, _scores(live, policies), markets), told
    parts = (stored.held_out, stored.derived)
    scores = np.concatenate([part.scores for part in parts])
    markets = np.concatenate([part.markets for part in parts])
    told = f"{len(markets):,} judged posts of its snapshot, for it decided {len(live):,} live so far"
    return Traffic(policies, scores, markets), told


def _live(lake: Lake, version: int) -> pa.Table:
    """The newest decisions of a version that reached people, one a post, oldest first."""
    columns = ["post_id", "market", "scores", "decided_at"]
    if not lake.decisions.exists():
        return lake.decisions.schema.empty_table().select(columns)
    roles = ", ".join(f"'{role}'" for role in LIVE)
    wanted = f"model_version = '{version}' AND role IN ({roles}) AND action IS NOT NULL"
    table = lake.decisions.open().to_table(columns=columns, filter=wanted).sort_by("decided_at")
    newest = table.slice(max(0, len(table) - MAX_LIVE_POSTS))
    _, first = np.unique(np.array(newest["post_id"].to_pylist(), str), return_index=True)
    return newest.take(np.sort(first))


def _scores(live: pa.Table, policies: tuple[str, ...]) -> np.ndarray:
    """[N, P]; 0 for a policy that a decision has no score of."""
    column = {policy: place for place, policy in enumerate(policies)}
    found = np.zeros((len(live), len(policies)))
    for row, given in enumerate(live["scores"].to_pylist()):
        for entry in given:
            if entry["policy"] in column:
                found[row, column[entry["policy"]]] = entry["score"]
    return found


def _notes(bundle: Bundle, stored: StoredScores, found: WhatIf) -> list[str]:
    notes = []
    if found.unscored:
        notes.append(
            f"not assessed, for this version never learned them: {', '.join(found.unscored)}; retrain first"
        )
    if found.dropped:
        notes.append(f"no longer asked for anything: {', '.join(found.dropped)}")
    again = OperatingPoints.derive(bundle.policy_set, stored.derived)
    if _thresholds(again) != _thresholds(bundle.operating_points):
        notes.append(
            "its own objectives give other thresholds on these posts than it has: a part of the change is that"
        )
    return notes


def _thresholds(points: OperatingPoints) -> dict[tuple[str, str, str], float | None]:
    return {
        (point.market, point.policy, str(point.action)): None
        if point.threshold is None
        else round(point.threshold, 6)
        for point in points.points
    }


def markdown(tried: Tried) -> str:
    """The whole answer for people: the actions of each market, the policies behind what changes, what slips through."""
    found = tried.found
    share = per_thousand(found.changed / found.posts if found.posts else 0.0)
    head = (
        f"Version {tried.version} by {code(tried.policy_set)} ({tried.digest[:12]}), on {tried.traffic}; thresholds "
        f"from {tried.evidence}. Another action on {share} of a thousand posts."
    )
    parts = [head, *(f"Note: {plain(note)}." for note in tried.notes)]
    parts.append(_table("Of a thousand posts, by market", [it for it in found.changes if it.subject == ANY]))
    policies = [it for it in found.changes if it.subject != ANY and it.market == ALL and it.is_change]
    if policies:
        parts.append(_table("What policies ask for, where that changes", policies))
    parts.append(_missed(tried))
    return "\n\n".join(parts)


def _table(title: str, changes: list[Change]) -> str:
    rows = [
        f"**{title}**",
        "",
        "| market | policy | action | now | then | change, 95 % |",
        "|---|---|---|---:|---:|---|",
    ]
    for it in changes:
        if it.now or it.then:
            figures = (per_thousand(it.now), per_thousand(it.then), change_of(it))
            rows.append(cells(it.market, it.subject, str(it.action), *figures))
    return "\n".join(rows)


def per_thousand(share: float) -> str:
    return f"{THOUSAND * share:.1f}"


def change_of(change: Change) -> str:
    """The difference of a thousand posts and where it can lie."""
    bounds = f"({THOUSAND * change.low:+.1f} to {THOUSAND * change.high:+.1f})"
    return (
        f"{THOUSAND * (change.then - change.now):+.1f} {bounds}"
        if change.is_change
        else f"none seen {bounds}"
    )


def _missed(tried: Tried) -> str:
    rows = [
        "**Judged posts: violations that are let through, harmless posts that are acted on or reviewed**",
        "",
        "| policy | violations | missed now | missed then | harmless | touched now | touched then |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for it in tried.found.missed:
        counts = (it.violations, it.missed_now, it.missed_then, it.harmless, it.acted_now, it.acted_then)
        rows.append(cells(it.policy, *(f"{count:,}" for count in counts)))
    return "\n".join(rows)
