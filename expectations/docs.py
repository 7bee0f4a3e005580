"""Data Docs of one validation: a single page from Great Expectations' own renderer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from expectations.running import Report


def write_page(report: Report, title: str, folder: Path) -> Path:
    """Write `folder`/index.html and return its path."""
    from great_expectations.core import ExpectationSuiteValidationResult, RunIdentifier
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    results = [outcome.result for outcome in report.outcomes]
    met = sum(bool(result.success) for result in results)
    whole = ExpectationSuiteValidationResult(
        suite_name=title,
        success=met == len(results),
        results=results,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": met,
            "unsuccessful_expectations": len(results) - met,
            "success_percent": 100 * met / max(len(results), 1),
        },
        meta={"run_id": RunIdentifier(run_name=title, run_time=datetime.now(UTC))},
    )
    page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(whole))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path
