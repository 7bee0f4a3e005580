"""Approvals at the terminal, and what is kept of them; those on Prefect's page are tested in the browser."""

import getpass
import io
import re
import subprocess
import sys

import pytest
from tiny_model import make_candidate, make_champion

from infra.lake import open_lake
from infra.registry import Registry
from models.evaluation.comparison import Comparison, Difference
from models.evaluation.report import Figure
from tasks.plumbing.artifacts import MODELS
from tasks.release.approval import APPROVAL, approval
from tasks.release.described import described
from tasks.release.evaluate import evaluate
from tasks.release.register import register


@pytest.fixture
def waiting(settings):
    """A challenger that is registered and not promoted, with its evaluation."""
    make_champion(settings)
    candidate = make_candidate(settings, seed=1, strength=5.0)
    evaluation = evaluate.fn(settings, candidate, None)
    return register.fn(settings, candidate, evaluation), evaluation


def answered(monkeypatch, *lines):
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_an_approval_is_kept_in_the_registry_the_run_and_the_lake(settings, waiting, monkeypatch):
    release, evaluation = waiting
    answered(monkeypatch, "approve", "the figures are fine", "operator")
    answer = approval(settings, release, evaluation, "before canary", 1)
    assert answer.approved
    told = f"approved before canary by operator (typed at the terminal of {getpass.getuser()}): the figures are fine"
    registry = Registry(settings)
    assert registry.tag(release.version, APPROVAL) == told == answer.told
    assert registry.client.get_run(release.run_id).data.tags[APPROVAL] == told
    acts = open_lake(settings).acts.open().to_table().to_pylist()
    assert [(act["who"], act["act"]) for act in acts if act["act"] == "approve"] == [("operator", "approve")]
    assert registry.challenger().version == release.version


def test_the_question_begins_with_what_decides_and_leads_to_the_card(settings, waiting):
    release, evaluation = waiting
    linked = settings.model_copy(update={"mlflow_url": "http://mlflow.example:5000"})
    asked = described(linked, release, evaluation, "before canary of version 2", 24)
    head, verdict, deeds = asked.splitlines()[:5:2]
    assert head.startswith(
        "**Before canary of version 2.** Answer within 24 hours. [Model card](http://mlflow"
    )
    count = len(evaluation.gates)
    assert (
        verdict == f"A first champion: there is nobody to compare it with; {count} of {count} checks passed."
    )
    assert re.fullmatch(r"Of 1,000 posts in other markets: remove \d+, .*, allow \d+\.", deeds)
    run = f"/runs/{release.run_id}"
    for name, place in (
        ("Model card", f"{run}/artifacts/evaluation/model-card.html"),
        ("MLflow run", f"{run}{MODELS})"),
        ("Registered version", "#/models/moderato/versions/2"),
    ):
        assert f"[{name}](http://mlflow.example:5000/#/" in asked
        assert place in asked
    gates = asked.partition("### Gates: ")[2].splitlines()
    assert gates[0] == f"{count} of {count} passed"
    assert all(row.startswith("- **passed** ") for row in gates[2:])


def test_the_change_stands_first_and_of_the_slices_those_that_are_worse(settings, waiting, tmp_path):
    release, evaluation = waiting

    def part(name, champion, candidate, noise):
        gap = candidate - champion
        figure = Figure(value=gap, low=gap - noise, high=gap + noise)
        return Difference(
            name=name,
            posts=9,
            candidate=candidate,
            champion=champion,
            difference=figure,
            credible=gap + noise,
        )

    found = Comparison(
        champion=1, posts=9, excluded=0, overall=part("all posts", 0.5, 0.625, 0.2),
        policies=(part("violence", 0.5, 0.75, 0.1), part("hate_speech", 0.5, 0.25, 0.1)),
        slices=(part("market DE", 0.5, 0.25, 0.1), part("market US", 0.5, 0.5, 0.1)),
    )  # fmt: skip
    (tmp_path / "comparison.json").write_text(found.model_dump_json())
    here = evaluation.model_copy(update={"report": tmp_path})
    asked = described(settings, release, here, "before canary of version 2", 24)
    assert (
        "Average precision 0.625 in place of 0.500 (≈ +0.125); of 2 policies 1 better, 1 worse; "
        f"{len(evaluation.gates)} of {len(evaluation.gates)} checks passed."
    ) in asked
    rows = [line for line in asked.splitlines() if "0." in line and line.startswith("| ")]
    assert rows == [
        "| ≈ +0.125 | all posts | 0.625 | 0.500 |",
        "| ▲ +0.250 | violence | 0.750 | 0.500 |",
        "| ▼ -0.250 | hate_speech | 0.250 | 0.500 |",
        "| ▼ -0.250 | market DE | 0.250 | 0.500 |",
    ]


def test_a_rejected_challenger_loses_its_alias(settings, waiting, monkeypatch):
    release, evaluation = waiting
    answered(monkeypatch, "reject", "one market is worse", "operator")
    assert not approval(settings, release, evaluation, "before canary", 1).approved
    assert Registry(settings).challenger() is None
    assert Registry(settings).champion().version == 1


def test_a_mistyped_answer_asks_again(settings, waiting, monkeypatch):
    answered(monkeypatch, "perhaps", "approve", "", "operator", "fine", "operator")
    answer = approval(settings, *waiting, "before promotion", 1)
    assert answer.told.startswith("approved before promotion by operator (typed at the terminal of ")
    assert answer.told.endswith("): fine")


def test_the_same_answer_is_written_down_once(settings, waiting, monkeypatch):
    for _ in range(2):
        answered(monkeypatch, "approve", "fine", "operator")
        approval(settings, *waiting, "before canary", 1)
    acts = open_lake(settings).acts.open().to_table().to_pylist()
    assert len([act for act in acts if act["act"] == "approve"]) == 1


def test_without_a_page_or_a_terminal_there_is_nobody_to_ask(settings):
    command = [sys.executable, "-m", "flows.cli", "retrain", "--approval", "before canary"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert done.stderr.startswith("moderato: this run needs an approval and has nobody to ask")
    assert "Traceback" not in done.stderr
