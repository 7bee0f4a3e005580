"""The two web pages as a person uses them: Prefect to start and approve a retraining, MLflow to review it."""

import re

import httpx
import pytest
from running_platform import QUICK, wait_for

from infra.gateway import KeyStore, Scope
from infra.lake import open_lake
from infra.registry import Registry
from infra.rollout import Store

TYPED = "spring rules, second try"  # a run keeps the name that a person gives it
PHONE, DESK = {"width": 390, "height": 900}, {"width": 1400, "height": 1200}
NARROW = 1000  # pixels, below which Prefect shows its menus
BUSY = 180  # seconds that a server may take for a form while a training has the cores
pytestmark = [
    pytest.mark.slow,
    pytest.mark.minutes,
    pytest.mark.xdist_group("platform"),
]


@pytest.fixture(scope="module")
def page(browser):
    opened = browser.new_page(viewport=DESK)
    opened.set_default_timeout(BUSY * 1000)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def approved(page, platform, keep_pictures):
    """The id of a retraining that a person started by the form and approved on its page."""
    run = started_from_the_form(page, platform, keep_pictures)
    platform.waits(run)
    keep_pictures(page, "approval", lambda: resumed(page, platform, run, "Before promotion of version"))
    page.set_viewport_size(PHONE)
    resumed(page, platform, run, "Before promotion of version")
    page.set_viewport_size(DESK)
    form = resumed(page, platform, run, "Before promotion of version")
    assert form.get_by_role("heading", name="Gates").is_visible()
    answered(page, form, "approve")
    return run


def choose(page, box, option):
    """Prefect's select boxes open at their arrow: a click on the words opens and closes them at once."""
    box.locator(".p-select-button__icon").first.click()
    page.get_by_role("option").filter(has_text=option).click()


def started_from_the_form(page, platform, keep_pictures):
    """Find `retrain`, fill its form in and start it; the id of the run."""
    before = {run["id"] for run in platform.api("POST", "/flow_runs/filter")}
    page.goto(f"{platform.prefect}/deployments")
    links = page.locator("a[href*='/deployments/deployment/']")
    links.filter(has_text=re.compile(r"^\s*retrain\s*$")).first.click()  # not the one of pretrain
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    field = page.locator(".schema-form-property")
    field.filter(has_text="Model preset").last.locator("textarea").fill(QUICK)
    choose(page, field.filter(has_text="Automatic, or wait").last, "before promotion")
    page.locator(".flow-run-name-input input").fill(TYPED)
    keep_pictures(page, "form")
    page.get_by_role("button", name="Submit").click()
    wait_for(lambda: new(platform, before), BUSY)
    return new(platform, before)[0]


def new(platform, before):
    runs = platform.api("POST", "/flow_runs/filter", flows={"name": {"any_": ["retrain"]}})
    return [run["id"] for run in runs if run["id"] not in before and not run["auto_scheduled"]]


def resumed(page, platform, run, asks):
    """The form that a suspended run asks with: behind a button, on a phone in a menu."""
    page.goto(f"{platform.prefect}/runs/flow-run/{run}")
    menu = page.locator(".p-icon-button-menu").first
    menu.wait_for()
    if page.viewport_size["width"] < NARROW:
        menu.click()
    page.locator("button, [role=menuitem], .p-overflow-menu-item").filter(has_text="Resume").first.click()
    form = page.locator(".p-modal")
    form.get_by_text(asks).wait_for()
    assert page.locator(".p-modal__card").bounding_box()["width"] <= page.viewport_size["width"]
    return form


def answered(page, form, decision):
    choose(page, form, decision)
    form.locator("textarea").nth(0).fill("the figures are fine")
    form.locator("textarea").nth(1).fill("operator")
    form.get_by_role("button", name="Submit").click()


def test_a_person_starts_approves_and_reviews_a_retraining(page, platform, approved, keep_pictures):
    run = approved
    assert platform.ended(run)["message"] == "Promoted"
    page.goto(f"{platform.prefect}/runs")
    name = platform.api("GET", f"/flow_runs/{run}")["name"]
    assert name == TYPED
    page.get_by_text(name).first.wait_for()
    story = platform.artifacts(run)
    assert {"validation", "training", "evaluation", "gates", "mlflow-run", "data-docs", "gateway"} <= set(
        story
    )
    assert story["training"] == 100
    registry = Registry(platform.settings)
    made = f"tags.`moderato.flow_run` = '{run}'"
    (tracked,) = registry.client.search_runs([registry.experiment_id], made)
    (version,) = [it for it in registry.versions() if it.run_id == tracked.info.run_id]
    reviewed(page, platform, registry, version, keep_pictures)


def reviewed(page, platform, registry, version, keep_pictures):
    """The version need not decide any more: a canary that was answered may have put another in its place."""
    page.goto(platform.mlflow)
    page.get_by_text(re.compile(r"^promoted \d\d-\d\d ")).first.wait_for()
    keep_pictures(page, "mlflow")
    runs = f"{platform.mlflow}/#/experiments/{registry.experiment_id}/runs/{version.run_id}"
    page.goto(runs)
    page.get_by_text("accepted").first.wait_for()  # the note, and the verdict among the tags
    page.get_by_text("cost_seconds").first.wait_for()
    keep_pictures(page, "run")
    page.goto(f"{runs}/artifacts/evaluation/precision-recall.png")
    page.locator("img[src^='blob:'], img[src*='get-artifact']").first.wait_for()
    page.get_by_text("model-card.html").click()
    page.frame_locator("iframe").get_by_role("heading", name="Model card").wait_for()
    page.goto(f"{platform.mlflow}/#/models/moderato")
    page.get_by_text("champion").first.wait_for()
    page.goto(f"{platform.mlflow}/#/models/moderato/versions/{version.version}")
    told = "approved before promotion by operator (as typed, unverified): the figures are fine"
    page.get_by_text(told).first.wait_for()
    for name, place in (
        ("card", "candidates/*/evaluation/model-card.html"),
        ("data-docs", "docs/*/index.html"),
    ):
        written = max(platform.settings.work.glob(place), key=lambda path: path.stat().st_mtime)
        page.goto(written.as_uri())
        keep_pictures(page, name)


@pytest.mark.usefixtures("approved")
def test_a_person_answers_a_canary_that_asks(page, platform, keep_pictures):
    """No traffic comes here: the store is told what a stage without enough of it comes to."""
    run = platform.start(training={"preset": QUICK, "seed": 5}, rollout={"plan": "brief"})
    store = Store(platform.settings)
    wait_for(lambda: store.running() is not None, 240)
    challenger = store.running().challenger
    why = "25 % is inconclusive: too few posts were decided"
    store.change(challenger, "ask", lambda it: it.waiting("asking", why))
    platform.waits(run)
    asks = f"The canary of version {challenger} asks"
    keep_pictures(page, "question", lambda: resumed(page, platform, run, asks))
    form = resumed(page, platform, run, asks)
    answered(page, form, "promote")
    assert platform.ended(run)["message"].startswith("Promoted: promote, by operator")
    assert Registry(platform.settings).champion().version == challenger


def test_the_gateways_documents_open_with_a_key(page, platform):
    key, _ = KeyStore.of(open_lake(platform.settings)).create([Scope.READ], "a reader")
    page.goto(f"{platform.gateway}/docs")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Show the API").click()
    page.get_by_text("/v1/decisions").first.wait_for()
    page.get_by_text("/v1/moderations").first.wait_for()


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"training": {"seed": -1}}, "-1 is less than the minimum of 0"),
        ({"data": {"policy_set": "house_rules"}}, "'house_rules' is not one of ['community_guidelines']"),
        ({"approval": {"when": "never"}}, "'never' is not one of"),
    ],
)
def test_the_form_refuses_what_cannot_be_before_a_run_begins(platform, parameters, told):
    with pytest.raises(httpx.HTTPStatusError) as refused:
        platform.start(**parameters)
    assert told in refused.value.response.text


def test_an_unknown_preset_is_told_on_the_runs_page(platform):
    ended = platform.ended(platform.start(training={"preset": "gigantic"}))
    assert ended["type"] == "FAILED"
    assert "no preset called 'gigantic'; choose one of: albef, blip, clip" in ended["message"]
