"""Validate the lake and a snapshot: stop at critical findings, carry warnings on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from prefect import task

from expectations.findings import DataFinding, ValidationFailedError
from infra.lake import Lake, Table, open_lake, standing
from infra.markdown import cells, code
from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.settings import Settings
from tasks.data.policy_set import policy_set_as
from tasks.data.snapshot import Snapshot
from tasks.plumbing.artifacts import link, run_url, tell
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells
from tasks.training.champion import Champion
from tasks.training.run import Run


class Validation(Handle):
    """`docs` is the folder with the page of every expectation; `warnings` are carried on to the report."""

    success: bool
    warnings: tuple[DataFinding, ...]
    docs: str

    def story(self) -> str:
        count = len(self.warnings)
        return "every critical expectation is met" + (f", {count} with a warning" if count else "")


@task(name="validate", cache_policy=ON_DATA_AND_CONFIGURATION, persist_result=True, **PATIENT)
@tells(Validation.story)
def validate(settings: Settings, snapshot: Snapshot, champion: Champion | None, run: Run) -> Validation:
    """Hold the lake and the snapshot against every suite; the page becomes the run's artifact `data_docs`.

    Raises ValidationFailedError where a critical expectation is not met.
    """
    log, docs = LifecycleRun(Registry(settings), run.run_id), docs_folder(settings, snapshot)
    try:
        found = inspect(settings, snapshot, champion.snapshot if champion else None)
    except ValidationFailedError as error:
        log.fail()
        tell("validation", _told(snapshot, error.findings), "A critical expectation is not met")
        raise
    else:
        tell("validation", _told(snapshot, found.warnings), "Every critical expectation is met")
        return found
    finally:
        if docs.exists():
            log.artifacts(docs, "data_docs")
            link("data-docs", run_url(log.registry, run.run_id, "data_docs/index.html"), "Data Docs")


def _told(snapshot: Snapshot, findings: Sequence[DataFinding]) -> str:
    lines = [f"Snapshot {code(snapshot.id[:12])}: {snapshot.told}.", ""]
    if findings:
        lines += ["| suite | what is expected | what was seen | rows |", "|---|---|---|---|"]
        lines += [_row(finding) for finding in findings]
    return "\n".join(lines)


def _row(finding: DataFinding) -> str:
    return cells(finding.suite, finding.description, finding.observed, ", ".join(finding.rows))


def docs_folder(settings: Settings, snapshot: Snapshot) -> Path:
    return settings.work / "docs" / snapshot.id


def inspect(settings: Settings, snapshot: Snapshot, baseline: str | None = None) -> Validation:
    """Validate against the snapshot id `baseline`; needs no run. Raises ValidationFailedError."""
    from expectations.docs import write_page
    from expectations.running import run
    from expectations.suite import Scope
    from expectations.suites import SUITES

    lake, docs = open_lake(settings), docs_folder(settings, snapshot)
    scope = Scope(
        policy_set_as(snapshot.policy_set, snapshot.policy_digest), lake_tables(lake, snapshot, baseline)
    )
    settings.work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="validate-", dir=settings.work) as folder:
        report = run(list(SUITES), scope, Path(folder))
    write_page(report, f"snapshot {snapshot.id}", docs)
    if report.failures:
        raise ValidationFailedError(report.failures, str(docs))
    gone = [_gone(baseline)] if baseline and not scope.has_baseline else []
    return Validation(success=True, warnings=(*report.warnings, *gone), docs=str(docs))


class _Reader:
    """Reads columns of one version of a table; of judgements those that were not withdrawn."""

    def __init__(self, table: Table, version: int | None = None, *, judgements: bool = False) -> None:
        self._table, self._version, self._judgements = table, version, judgements

    def __call__(self, columns: Sequence[str]) -> pa.RecordBatchReader:
        from infra.snapshots import batches

        held = self._table.open(self._version)
        return batches(held, columns, standing(held) if self._judgements else "")


def lake_tables(lake: Lake, snapshot: Snapshot, baseline: str | None) -> dict[str, _Reader]:
    """Readers of what a validation reads, at the versions that the snapshot was cut from."""
    tables = {
        "posts": _Reader(lake.posts, snapshot.versions["posts"]),
        "judgements": _Reader(lake.judgements, snapshot.versions["judgements"], judgements=True),
        "snapshot": _Reader(_snapshot_table(lake, snapshot.id)),
    }
    before = _snapshot_table(lake, baseline) if baseline else None
    if before and before.exists():
        tables["baseline"] = _Reader(before)
    return tables


def _snapshot_table(lake: Lake, snapshot_id: str) -> Table:
    uri = lake.snapshot(snapshot_id)
    return Table(uri, pa.schema([]), (), lake.storage_options)


def _gone(baseline: str | None) -> DataFinding:
    return DataFinding(
        suite="snapshot",
        expectation="BaselineIsThere",
        description="drift is measured against the champion's snapshot",
        observed=f"snapshot {baseline} is not in the lake, so that drift was not measured",
    )
