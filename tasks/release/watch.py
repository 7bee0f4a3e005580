"""Look at live traffic, write down what was found, and raise the alarm where it is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from prefect import task
from prefect.events import emit_event

from infra.lake import Lake
from infra.markdown import plain
from infra.rollout import Store, champion_or_none
from infra.settings import Settings
from infra.watch import Finding, compare_views, kept_promises, live_view, reference_view
from infra.weights import kept_embeddings
from models.bundle.bundle import Bundle
from models.domain.schemas import FINDINGS
from tasks.plumbing.artifacts import tell
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells

DRIFT = "moderato.drift"  # the event, and the act that is written down
MAX_FINDINGS = 3  # findings that a reason names


class Looked(Handle):
    """One look. `version` is 0 where nobody decides; `posts` were decided in the window by that version."""

    version: int
    since: datetime
    until: datetime
    posts: int
    findings: tuple[Finding, ...]

    @property
    def beyond(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.verdict == "beyond")

    def story(self) -> str:
        return self.told

    @property
    def told(self) -> str:
        """In a line for people."""
        if not self.version:
            return "nobody decides yet"
        named = "; ".join(finding.told for finding in self.beyond[:MAX_FINDINGS]) or "nothing out of bounds"
        return f"version {self.version}, {self.posts} posts: {named}"


@task(name="look", **PATIENT)
@tells(Looked.story)
def look(settings: Settings, hours: float, until: datetime | None = None) -> Looked:
    """Hold the champion's decisions of the last `hours` against its snapshot; every finding goes into the lake."""
    until = until or datetime.now(UTC)
    since = until - timedelta(hours=hours)
    store = Store(settings)
    registry, lake = store.registry, store.lake
    champion = champion_or_none(store)
    if champion is None:
        return Looked(version=0, since=since, until=until, posts=0, findings=())
    bundle = Bundle.load(registry.fetch(champion), settings.threads, kept_embeddings(settings))
    reference = reference_view(bundle, lake.snapshot(champion.snapshot), lake.storage_options)
    live = live_view(lake, bundle.assessed, champion.version, since, until)
    looked = Looked(
        version=champion.version,
        since=since,
        until=until,
        posts=len(live),
        findings=(
            *compare_views(reference, live),
            *kept_promises(lake, bundle.operating_points, champion.version, champion.created_at),
        ),
    )
    _write(lake, looked)
    tell("watch", table(looked), looked.told)
    return looked


@task(name="alarm", **PATIENT)
@tells(lambda raised: "the alarm is raised: a retraining is due" if raised else "no alarm")
def alarm(settings: Settings, looked: Looked, cool_down_hours: float) -> bool:
    """Whether a retraining is due: a finding that calls for one, and no alarm within the cool-down.

    Emits the event that an automation turns into a retraining, once it is written down.
    """
    due = [finding for finding in looked.beyond if finding.retrains]
    store = Store(settings)
    if not due or _last(store.lake) > looked.until - timedelta(hours=cool_down_hours):
        return False
    why = "; ".join(finding.told for finding in due[:MAX_FINDINGS])
    store.record(DRIFT, looked.version, why, who="watch", at=looked.until)
    emit_event(
        event=DRIFT,
        resource={
            "prefect.resource.id": f"moderato.model.{settings.registered_model}",
            "prefect.resource.name": f"version {looked.version}",
        },
        payload={"why": why, "findings": [finding.model_dump() for finding in due]},
    )
    return True


def table(looked: Looked) -> str:
    """Markdown: what is beyond its bound first."""
    rank = {"beyond": 0, "within": 1, "unknown": 2}
    ordered = sorted(looked.findings, key=lambda it: (rank[it.verdict], it.signal, it.subject))
    lines = [
        f"{plain(looked.told)}. Window {looked.since:%Y-%m-%d %H:%M} to {looked.until:%Y-%m-%d %H:%M} UTC.",
        "",
        "| signal | subject | learned from | live | moved by | bound | verdict |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*lines, *(_row(finding) for finding in ordered)])


def _row(finding: Finding) -> str:
    figures = (_figure(it) for it in (finding.reference, finding.live, finding.value, finding.bound))
    verdict = f"**{finding.verdict}**" if finding.verdict == "beyond" else finding.verdict
    return f"| {plain(finding.signal)} | {plain(finding.subject)} | {' | '.join(figures)} | {verdict} |"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _write(lake: Lake, looked: Looked) -> None:
    wanted = set(FINDINGS.names) - {"at", "model_version"}
    rows = [
        finding.model_dump(include=wanted) | {"at": looked.until, "model_version": looked.version}
        for finding in looked.findings
    ]
    lake.findings.append(pa.Table.from_pylist(rows, FINDINGS).to_batches())


def _last(lake: Lake) -> datetime:
    """When the last alarm was raised."""
    if not lake.acts.exists():
        return datetime.min.replace(tzinfo=UTC)
    raised = lake.acts.open().to_table(columns=["at"], filter=f"act = '{DRIFT}'")["at"].to_pylist()
    return max(raised, default=datetime.min.replace(tzinfo=UTC))
