"""Data Docs: a page that opens anywhere, says of each expectation whether it is met, and begins nothing."""

import pytest
from lake_rows import judgement, post, put, put_platform
from opened import HOSTILE, opened

from expectations.findings import ValidationFailedError
from infra.lake import open_lake
from tasks.data.snapshot import cut, pin
from tasks.training.validate import docs_folder, inspect

pytestmark = pytest.mark.slow


@pytest.fixture
def docs(settings):
    """Of a lake into which somebody wrote ids and markets that no door of ours lets in."""
    lake = open_lake(settings)
    put_platform(lake, 100)
    posts = [post(500 + number, post_id=text, market=text) for number, text in enumerate(HOSTILE)]
    put(lake, posts, [judgement(row["post_id"]) for row in posts])
    snapshot = cut.fn(settings, pin.fn(settings), "community_guidelines", 0)
    with pytest.raises(ValidationFailedError):
        inspect(settings, snapshot)
    return docs_folder(settings, snapshot) / "index.html"


@pytest.mark.parametrize("width", [1440, 390])
def test_it_opens_offline_with_every_status_and_begins_nothing(docs, width):
    with opened(docs, width) as page:
        assert page.begun == []
        assert page.holds("script, img, iframe, a, svg, link") == 0
        statuses = page.page.locator(".row > p:first-child").all_inner_texts()
        assert {"✓ met", "✗ not met", "! warning"} <= set(statuses)
        assert all(statuses)
        assert page.page.get_by_text("<img src=x onerror=alert(1)>").count() > 0
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width


def test_each_unmet_expectation_names_values_and_rows(docs):
    with opened(docs) as page:
        assert page.page.locator("h2").first.inner_text() == "Not met"
        row = page.page.locator(".row").filter(has_text="a market is an ISO 3166 code").first
        assert "of 106 do not fit" in row.inner_text()
        assert "values:" in row.inner_text()
        assert "rows:" in row.inner_text()
