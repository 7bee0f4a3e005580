"""Functional suites on a real model: what passes by functionality, beside the champion, and files with faults."""

import json

import pytest
from tiny_model import POLICIES, make_candidate, make_champion, run_of

from infra.registry import Registry
from infra.settings import Settings
from models.bundle.bundle import Bundle
from models.bundle.functional import ALL, run_suites
from models.domain.located import WrittenError
from models.evaluation.functional_file import functional_digest, functional_suites, read_functional
from tasks.gates import GATES
from tasks.gates.base.contract import made_up_evidence
from tasks.release.evaluate import evaluate
from tasks.training.champion import incumbent

WORD = POLICIES[0]
HEAD = "functionality,text,gold,policy,minimum\n"


def suite(folder, *, spelled=20, minimum=""):
    """A policy's word said plainly is found; spelled with blanks between its letters no word of it is left."""
    rows = [f"plain words,plain{n % 8} n{n},compliant,{WORD},{minimum}" for n in range(20)]
    rows += [f"says it,{WORD} n{n},violating,{WORD},{minimum}" for n in range(20)]
    rows += [f"spelled,{' '.join(WORD)} n{n},violating,{WORD},{minimum}" for n in range(spelled)]
    path = folder / "made_up.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"), card_pdf=False, _env_file=None)
    make_champion(settings)
    return settings


def bundle(settings):
    registry = Registry(settings)
    return Bundle.load(registry.fetch(registry.resolve("champion")), threads=1)


def by_name(result):
    return {found.name: found for found in result.functionalities}


def test_what_passes_is_told_by_functionality_with_an_interval(champion, tmp_path):
    (result,) = run_suites([read_functional(suite(tmp_path), POLICIES)], bundle(champion))
    found = by_name(result)
    assert list(found) == [ALL, "plain words", "says it", "spelled"]
    assert found["says it"].passed.value == 1
    assert found["says it"].passed.low == pytest.approx(0.832, abs=0.001)  # Clopper and Pearson, 20 of 20
    assert found["spelled"].passed.value == 0
    assert found[ALL].cases == 60
    assert 0.4 < result.auroc[WORD] < 1


def test_beside_a_champion_what_chance_does_not_explain_is_called_worse(champion, tmp_path):
    deaf = make_candidate(champion, seed=5, strength=0.01)
    evaluated = evaluate.fn(champion, deaf, None)
    read = [read_functional(suite(tmp_path), POLICIES)]
    (result,) = run_suites(read, Bundle.load(evaluated.bundle, threads=1), bundle(champion))
    found = by_name(result)
    assert found["says it"].champion == 1
    assert found["says it"].worse
    assert not found["spelled"].worse
    (same,) = run_suites(read, bundle(champion), bundle(champion))
    assert not any(it.worse for it in same.functionalities)


def test_a_stated_minimum_is_a_gate_and_without_one_nothing_is_asked(champion, tmp_path):
    asked = run_suites([read_functional(suite(tmp_path, minimum="0.9"), POLICIES)], bundle(champion))
    checks = GATES["functional"].checks(made_up_evidence(functional=asked))
    assert {check.subject: check.passed for check in checks} == {
        "made_up: plain words": True, "made_up: says it": True, "made_up: spelled": False,
    }  # fmt: skip
    free = run_suites([read_functional(suite(tmp_path), POLICIES)], bundle(champion))
    assert GATES["functional"].checks(made_up_evidence(functional=free)) == []


def test_an_evaluation_reports_the_suites_of_the_project(project, champion):
    (project.folder / "functional").mkdir()
    assert functional_digest() == ""
    suite(project.folder / "functional", minimum="0.9")
    assert len(functional_digest()) == 64
    candidate = make_candidate(champion, seed=7)
    there = incumbent.fn(champion, run_of(candidate))
    evaluation = evaluate.fn(champion, candidate, there)
    card = (evaluation.report / "model-card.md").read_text()
    assert "## Functional suites" in card
    assert "| made_up | spelled | 20 | 0 (0 to 0.168) | 0 | 0.9 | below its minimum |" in card
    metrics = Registry(champion).client.get_run(candidate.run_id).data.metrics
    assert metrics["functional.made_up.passed"] == pytest.approx(2 / 3)
    assert {check.gate for check in evaluation.gates if not check.passed} >= {"functional"}


def test_files_in_the_form_of_hatecheck_are_read_as_they_are(tmp_path):
    path = tmp_path / f"check.{WORD}.csv"
    path.write_text(
        "functionality,case_id,test_case,label_gold\nnegation,1,not a vrenk,non-hateful\nplain,2,a vrenk,hateful\n"
    )
    found = read_functional(path, POLICIES)
    assert [(case.functionality, case.violates, case.policy) for case in found.cases] == [
        ("negation", False, WORD),
        ("plain", True, WORD),
    ]
    lines = tmp_path / f"check.{WORD}.jsonl"
    text = "a\u2028b\x0bvrenk\x85b"  # which some take for ends of lines
    case = {"functionality": "plain", "text": text, "gold": True}
    lines.write_text(json.dumps(case, ensure_ascii=False) + "\n", encoding="utf-8")
    (read,) = read_functional(lines, POLICIES).cases
    assert read.violates
    assert read.text == text


GOLD = "violating, hateful, yes, true, 1, compliant, non-hateful, no, false, 0"
TWICE = f"{HEAD}plain,a,yes,{WORD},0.9\nplain,b,yes,{WORD},0.8\n"
NO_COLUMN = "a.csv:1: no column text or test_case; the header has functionality, words, gold"
NO_OBJECT = 'a.jsonl:1: no object; write {"functionality": "...", "text": "...", "gold": "violating"}'


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.csv", "functionality,words,gold\n", NO_COLUMN),
        ("a.csv", f"{HEAD}plain,a vrenk,maybe,{WORD},\n", f"a.csv:2: gold 'maybe': it is one of: {GOLD}"),
        (
            "a.csv",
            f"{HEAD}plain,,yes,{WORD},\n",
            "a.csv:2: no text; every case has text, gold, functionality",
        ),
        (
            "a.csv",
            f"{HEAD}plain,a vrenk,yes,{WORD},90\n",
            "a.csv:2: minimum '90': a share of cases goes from 0 to 1: 90 % is 0.9",
        ),
        ("a.csv", TWICE, "a.csv:3: 'plain' has the minimum 0.9 above and 0.8 here; keep one"),
        ("a.csv", HEAD, "a.csv:1: no case; a suite without any says nothing: take the file away"),
        ("a.jsonl", "[1]\n", NO_OBJECT),
    ],
)
def test_a_faulty_file_is_told_by_line_with_what_to_do(name, text, fault, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(WrittenError) as error:
        read_functional(path, POLICIES)
    assert [told.removeprefix(f"{tmp_path}/") for told in error.value.faults] == [fault]


def test_a_policy_that_is_none_is_told_with_the_ones_there_are(tmp_path):
    path = tmp_path / "suite.csv"
    path.write_text("functionality,text,gold\nplain,a vrenk,yes\n")
    with pytest.raises(WrittenError, match=r"suite\.csv:2: policy .suite.: it is one of: "):
        read_functional(path, POLICIES)


def test_the_command_tells_faults_and_what_passes(project):
    assert "no functional suites" in project.moderato("check", "functional")
    (project.folder / "functional").mkdir()
    path = suite(project.folder / "functional")
    assert "made_up: 60 cases" in project.moderato("check", "functional")
    path.write_text(HEAD)
    assert "functional/made_up.csv:1: no case" in project.moderato("check", "functional", code=2)
    with pytest.raises(WrittenError):
        functional_suites(POLICIES)
