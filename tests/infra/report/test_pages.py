"""The model card as a page: one screen first, it opens anywhere, and nothing in it begins anything."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chromium import CHROMIUM
from opened import HOSTILE, opened
from tiny_model import LEARNED, POLICIES, make_candidate, make_champion, run_of

from expectations.findings import DataFinding
from infra.registry import Registry
from infra.registry.runs import NOTE
from infra.report import number_card
from infra.report.page import numbered
from infra.report.pdf import printed
from infra.report.texts import figure, number
from infra.settings import Settings
from models.evaluation.report import Figure
from tasks.release.evaluate import evaluate
from tasks.training.champion import incumbent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The evaluation folders of a first champion, and of one beside it whose preset and warnings say what they should
    not.
    """
    settings = Settings(home=tmp_path_factory.mktemp("home"), card_pdf=False, _env_file=None)
    make_champion(settings, seed=0, strength=4.0)
    first = next((settings.work / "candidates").glob("*/evaluation"))
    candidate = make_candidate(settings, seed=1)
    champion = incumbent.fn(settings, run_of(candidate))
    warnings = tuple(
        DataFinding(suite="posts", expectation="Known", description=text, observed=text, rows=(text,))
        for text in HOSTILE
    )
    hostile = candidate.model_copy(update={"preset": " ".join(HOSTILE)})
    return settings, first, evaluate.fn(settings, hostile, champion, warnings).report


@pytest.fixture(scope="module")
def settings(reports):
    return reports[0]


@pytest.fixture(scope="module")
def first(reports):
    return reports[1]


@pytest.fixture(scope="module")
def report(reports):
    return reports[2]


@pytest.mark.parametrize("width", [1440, 390])
def test_the_card_opens_offline_and_begins_nothing(report, width):
    with opened(report / "model-card.html", width) as card:
        assert [asked[:20] for asked in card.begun if not asked.startswith("data:image/")] == []
        assert card.holds("script, iframe, a, link, form, h1 ~ h1, img:not([src^='data:image/'])") == 0
        assert (
            card.page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)") is None
        )
        assert card.page.get_by_text("<img src=x onerror=alert(1)>").count() > 0
        assert card.page.get_by_text("[x](javascript:alert(1))").count() > 0
        assert card.page.evaluate("document.documentElement.scrollWidth") <= width
        assert card.page.evaluate("getComputedStyle(document.querySelector('h1')).overflowWrap") == "anywhere"


def test_the_first_screen_holds_verdict_effects_bars_and_limits(first):
    with opened(first / "model-card.html") as card:
        for text in (
            "Accepted",
            "How well it finds",
            "What it will do with 1,000 posts",
            "What it must not be used for",
        ):
            shown = card.page.get_by_text(text).first.bounding_box()
            assert shown["y"] + shown["height"] < 900
        assert card.page.locator("svg.bar").last.bounding_box()["y"] < 900
        assert card.holds("details[open]") == 0
        assert card.holds(".deeds svg") == 4
        deeds = " ".join(card.page.locator(".deeds").text_content().split())
        assert re.search(r"to people.* minutes of people's time.* violations pass, at most", deeds)
        told = card.page.locator(".unfit").inner_text()
        assert "Anything about Harmful misinformation and Profanity: the test posts do not show" in told
        assert "What videos show: it does not look at them." in told
        assert "Markets other than DE, FR, JP and US: it was not measured there." in told


def test_each_measurable_policy_has_a_bar_with_its_interval_and_the_champions_below_it(report):
    with opened(report / "model-card.html") as card:
        assert card.holds("rect.ours") == card.holds("rect.theirs") == len(LEARNED)
        assert card.holds(".unmeasured") == len(POLICIES) - len(LEARNED)
        assert "champion 0." in card.page.locator("svg.bar").first.get_attribute("aria-label")


def test_a_mistakes_post_is_behind_a_blur_until_it_is_asked_for_and_never_on_paper(report):
    with opened(report / "model-card.html") as card:
        card.page.get_by_text("worst mistakes").click()
        said, box = card.page.locator(".said").first, card.page.locator(".veil input").first
        assert said.evaluate("it => getComputedStyle(it).filter") == "blur(7px)"
        box.focus()
        card.page.keyboard.press("Space")
        assert said.evaluate("it => getComputedStyle(it).filter") == "none"
        card.page.emulate_media(media="print")
        assert not said.is_visible()


def test_the_page_says_what_it_may_do_and_needs_no_more(report):
    page = (report / "model-card.html").read_text()
    assert "default-src 'none'; style-src 'sha256-" in page
    assert " style=" not in page


def test_the_card_is_one_file_of_moderate_size(report):
    assert (report / "model-card.html").stat().st_size < 500_000


def test_no_figure_of_the_card_is_a_negative_nought_or_outside_its_interval(report):
    text = (report / "model-card.md").read_text()
    assert not re.search(r"(?<![\w.])-0(?![.\d])", text)
    found = re.findall(r"(-?[\d.]+) \((-?[\d.]+) to (-?[\d.]+)\)", text)
    assert found
    assert all(float(low) <= float(value) <= float(high) for value, low, high in found)


def test_numbers_are_read_by_people():
    assert [number(it) for it in (-0.0, -1e-17, 0.12345, 1_234_567.8, -3.52e-5, None)] == [
        "0", "0", "0.123", "1,234,568", "-0.0000352", "none",
    ]  # fmt: skip
    assert figure(Figure(value=0.5, low=-0.0, high=1)) == "0.5 (0 to 1)"


def test_a_registered_card_says_its_version_and_nothing_else_changes(first):
    page = (first / "model-card.html").read_text()
    assert "version: <!--version-->1<!--/version-->" in page
    assert numbered(page, 2) == page.replace("<!--version-->1<", "<!--version-->2<")


def test_the_card_is_printed_and_its_first_page_holds_the_first_screen(report, tmp_path):
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    assert printed(report / "model-card.html", tmp_path / "card.pdf") == ""
    assert (tmp_path / "card.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "card.pdf").stat().st_size < 1_000_000


def test_a_card_that_cannot_be_printed_is_a_card(first, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert printed(first / "model-card.html", tmp_path / "card.pdf") == "there is no Chromium on this machine"
    assert number_card(first, 1, pdf=True) == [first / "model-card.html"]
    Path(tmp_path / "chromium").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "chromium").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert "ended with 3" in printed(first / "model-card.html", tmp_path / "card.pdf")


def test_mlflow_shows_the_worst_mistakes_as_a_table(settings, report):
    client = Registry(settings).client
    run = next(
        run
        for run in client.search_runs([Registry(settings).experiment_id])
        if (report.parent.name in run.data.tags.get("moderato.candidate", ""))
    )
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [
        {"path": "evaluation/worst-mistakes.json", "type": "table"}
    ]
    table = client.load_table(run.info.experiment_id, "evaluation/worst-mistakes.json", [run.info.run_id])
    assert {"mistake", "policy", "cost", "text", "post_id"} <= set(table.columns)
    assert table.groupby("mistake")["cost"].apply(lambda it: it.is_monotonic_decreasing).all()


def test_settings_keep_posts_out_of_the_card(tmp_path):
    settings = Settings(home=tmp_path, card_mistakes=0, _env_file=None)
    report = evaluate.fn(settings, make_candidate(settings), None).report
    assert not (report / "worst-mistakes.json").exists()
    assert "worst mistakes" not in (report / "model-card.html").read_text()


def test_the_tables_of_pages_elsewhere_hold_no_markup_either(settings, report):
    registry = Registry(settings)
    notes = [run.data.tags.get(NOTE, "") for run in registry.client.search_runs([registry.experiment_id])]
    for text in (*notes, *(path.read_text() for path in report.glob("*.md"))):
        outside = re.sub(r"`[^`]*`", "", text)  # nothing in a code span is markup
        assert "<" not in outside
        assert "](javascript" not in outside


def test_the_card_says_when_it_was_made(first):
    made = re.search(r"(\d+ \w+ \d{4}, \d\d:\d\d) UTC", (first / "model-card.html").read_text())
    assert (datetime.now(UTC) - datetime.strptime(f"{made[1]} +0000", "%d %B %Y, %H:%M %z")).days == 0
