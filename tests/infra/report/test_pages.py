"""The model card as a page: it opens anywhere, and nothing that people wrote in it begins anything."""

import re

import pytest
from opened import HOSTILE, opened
from tiny_model import make_candidate

from expectations.findings import Finding
from infra.registry import Registry
from infra.registry.runs import NOTE
from tasks.evaluate import evaluate

pytestmark = pytest.mark.slow


@pytest.fixture
def report(settings):
    """The folder of a candidate's evaluation, whose preset and warnings say what they should not."""
    candidate = make_candidate(settings)
    warnings = tuple(
        Finding(suite="posts", expectation="Known", description=text, observed=text, rows=(text,))
        for text in HOSTILE
    )
    hostile = candidate.model_copy(update={"preset": " ".join(HOSTILE)})
    return evaluate.fn(settings, hostile, None, warnings).report


@pytest.mark.parametrize("width", [1440, 390])
def test_the_card_opens_offline_and_begins_nothing(report, width):
    with opened(report / "model-card.html", width) as card:
        assert card.begun == []
        assert card.holds("script, img, iframe, a, svg, h1 ~ h1") == 0
        assert card.page.get_by_text("<img src=x onerror=alert(1)>").count() > 0
        assert card.page.get_by_text("[x](javascript:alert(1))").count() > 0
        assert card.page.evaluate("document.documentElement.scrollWidth") <= width
        assert card.page.evaluate("getComputedStyle(document.querySelector('h1')).overflowWrap") == "anywhere"


def test_the_page_says_what_it_may_do(report):
    page = (report / "model-card.html").read_text()
    assert "default-src 'none'; style-src 'sha256-" in page


def test_the_tables_of_pages_elsewhere_hold_no_markup_either(settings, report):
    registry = Registry(settings)
    notes = [run.data.tags.get(NOTE, "") for run in registry.client.search_runs([registry.experiment_id])]
    for text in (*notes, *(path.read_text() for path in report.glob("*.md"))):
        outside = re.sub(r"`[^`]*`", "", text)  # nothing in a code span is markup
        assert "<" not in outside
        assert "](javascript" not in outside
