"""Run suites: rows in batches whose results are merged, profiles as small tables; memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa

from expectations.findings import DataFinding
from expectations.suite import Profile, Rows, Scope, Suite

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.expectations.expectation import Expectation

BATCH_ROWS = 100_000
_SHOWN = 5  # rows named in a finding
_MEMORY_LIMIT = "256MB"  # DuckDB spills beyond it


@dataclass(frozen=True)
class Outcome:
    """One expectation's result over the whole table."""

    suite: str
    part: str
    result: ExpectationValidationResult

    @property
    def critical(self) -> bool:
        return str(self.result.expectation_config.severity.value) == "critical"

    def finding(self) -> DataFinding:
        config, found = self.result.expectation_config, self.result.result
        rows = [
            _row(index, config.kwargs["column"]) for index in found.get("partial_unexpected_index_list") or []
        ]
        values = list(dict.fromkeys(map(_shown, found.get("partial_unexpected_list", []))))
        counts = f"{found['unexpected_count']} of {found['element_count']}"
        observed = f"{counts} with {config.kwargs['column']} {', '.join(values[:_SHOWN])}"
        return DataFinding(
            suite=f"{self.suite}, {self.part}",
            expectation=_class_name(config.type),
            description=config.description or "",
            observed=observed,
            rows=tuple(rows[:_SHOWN]),
        )


@dataclass
class ValidationReport:
    """Every outcome of a validation, met or not."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failures(self) -> list[DataFinding]:
        return [
            outcome.finding() for outcome in self.outcomes if not outcome.result.success and outcome.critical
        ]

    @property
    def warnings(self) -> list[DataFinding]:
        return [
            outcome.finding()
            for outcome in self.outcomes
            if not outcome.result.success and not outcome.critical
        ]


class Engine:
    """Great Expectations over data frames, without progress bars, analytics or files."""

    def __init__(self, batch_rows: int = BATCH_ROWS) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types import base

        config = base.DataContextConfig(
            progress_bars=base.ProgressBarsConfig(globally=False, metric_calculations=False),
            analytics_enabled=False,
            store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        )
        self.batch_rows = batch_rows
        context = gx.get_context(mode="ephemeral", project_config=config)
        asset = context.data_sources.add_pandas("moderato").add_dataframe_asset("frame")
        self._batch: BatchDefinition = asset.add_batch_definition_whole_dataframe("frame")
        self._suite = gx.ExpectationSuite

    def check(
        self, frame: pd.DataFrame, expectations: Sequence[Expectation], key: tuple[str, ...]
    ) -> list[ExpectationValidationResult]:
        """One result for each expectation, in their order."""
        suite = self._suite(name="rows", expectations=list(expectations))
        shown = {"result_format": "SUMMARY", "unexpected_index_column_names": list(key)}
        batch = self._batch.get_batch(batch_parameters={"dataframe": frame})
        found: ExpectationSuiteValidationResult = batch.validate(suite, result_format=shown)
        by_type = {result.expectation_config.type: result for result in found.results}
        return [by_type[expectation.expectation_type] for expectation in expectations]


def run(
    suites: Sequence[Suite], scope: Scope, workspace: Path, batch_rows: int = BATCH_ROWS
) -> ValidationReport:
    """Validate the scope's tables against every suite; `workspace` holds what DuckDB spills."""
    report, engine = ValidationReport(), Engine(batch_rows)
    connection = duckdb.connect(str(workspace / "profiles.duckdb"))
    connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
    connection.execute("SET temp_directory = ?", [str(workspace / "spill")])
    connection.execute("SET threads = 2")
    connection.execute("SET enable_progress_bar = false")
    try:
        for suite in suites:
            report.outcomes += _run(suite, scope, engine, connection)
    finally:
        connection.close()
    return report


def _run(
    suite: Suite, scope: Scope, engine: Engine, connection: duckdb.DuckDBPyConnection
) -> Iterator[Outcome]:
    for result in _rows(suite.rows, scope, engine, connection):
        yield Outcome(suite.name, "rows", result)
    suite.prepare(connection, scope)
    for profile in suite.profiles:
        if scope.has_baseline or not profile.needs_baseline:
            for result in _profile(profile, scope, engine, connection):
                yield Outcome(suite.name, profile.name, result)


def _rows(
    rows: Rows, scope: Scope, engine: Engine, connection: duckdb.DuckDBPyConnection
) -> list[ExpectationValidationResult]:
    expectations = rows.expect(scope)
    merged: list[ExpectationValidationResult] = []
    for batch in _batches(scope.tables[rows.table](rows.columns), engine.batch_rows):
        results = engine.check(rows.frame(connection, batch), expectations, rows.key)
        merged = [_merge(*pair) for pair in zip(merged, results, strict=True)] if merged else results
    return merged


def _profile(
    profile: Profile, scope: Scope, engine: Engine, connection: duckdb.DuckDBPyConnection
) -> list[ExpectationValidationResult]:
    return engine.check(connection.sql(profile.query).df(), profile.expect(scope), profile.key)


def _batches(reader: pa.RecordBatchReader, batch_rows: int) -> Iterator[pa.Table]:
    """Tables of about `batch_rows` rows; one without rows where the reader has none."""
    waiting: list[pa.RecordBatch] = []
    for batch in reader:
        waiting.append(batch)
        if sum(map(len, waiting)) >= batch_rows:
            yield pa.Table.from_batches(waiting)
            waiting = []
    yield pa.Table.from_batches(waiting, reader.schema)


_COUNTS = ("element_count", "unexpected_count", "missing_count")
_LISTS = ("partial_unexpected_list", "partial_unexpected_index_list", "partial_unexpected_counts")


def _merge(
    left: ExpectationValidationResult, right: ExpectationValidationResult
) -> ExpectationValidationResult:
    """The result over the rows of both: counts add up, shares follow from them, a few rows of each are kept."""
    one, two = left.result, right.result
    counts = {name: one.get(name, 0) + two.get(name, 0) for name in _COUNTS}
    judged = counts["element_count"] - counts["missing_count"]
    lists = {name: ((one.get(name) or []) + (two.get(name) or []))[:20] for name in _LISTS}
    shares = {
        "missing_percent": _percent(counts["missing_count"], counts["element_count"]),
        "unexpected_percent": _percent(counts["unexpected_count"], judged),
        "unexpected_percent_total": _percent(counts["unexpected_count"], counts["element_count"]),
        "unexpected_percent_nonmissing": _percent(counts["unexpected_count"], judged),
    }
    merged: dict[str, Any] = {**one, **counts, **shares, **lists}
    return type(left)(
        success=bool(left.success and right.success),
        expectation_config=left.expectation_config,
        result=merged,
        meta=left.meta,
        exception_info=left.exception_info
        if left.exception_info["raised_exception"]
        else right.exception_info,
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _row(index: dict[str, Any], column: str) -> str:
    """The key of a row; the column under test is shown with the observed values already."""
    named = {name: value for name, value in index.items() if name != column} or index
    return " ".join(str(value) for value in named.values())


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _class_name(snake: str) -> str:
    return "".join(word.capitalize() for word in snake.split("_"))
