"""`moderato retrain` before anything runs: what it foretells, and where it will end."""

import json

import pytest

from flows.form import RollOut, Training
from infra.lake import open_lake
from infra.registry import is_empty
from infra.simulator import simulate

TRIAL = "trial,modalities=text,vocabulary=300,ngram_bits=0,width=16"


@pytest.fixture
def filled(settings):
    simulate(open_lake(settings), posts=600, weeks=2, seed=1)
    return settings


def test_a_dry_run_says_what_would_run_on_how_much_and_runs_nothing(filled, command):
    code, out, err = command("retrain", "--preset", TRIAL, "--dry-run", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [step["step"] for step in found["steps"]] == [
        "snapshot", "validate", "train", "cross-fit", "evaluate", "register", "promote",
    ]  # fmt: skip
    train = found["steps"][2]
    assert f"over {found['counts']['train']:,} posts" in train["detail"]
    assert train["seconds"] > 0
    assert "acts" in found["steps"][4]["detail"]
    assert 0 < sum(found["counts"].values()) <= 600
    assert not list(filled.work.glob("candidates/*"))
    assert is_empty(filled)  # no MLflow store was made


def test_a_dry_run_is_of_as_many_devices_as_the_retraining_would_train_on(filled, command):
    code, out, err = command(
        "retrain", "--preset", TRIAL, "--dry-run", "--json", "--devices", "4", "--strategy", "fsdp"
    )
    assert code == 0, err
    (train,) = (step for step in json.loads(out)["steps"] if step["step"] == "train")
    assert " on 4 x " in train["detail"]
    assert " with fsdp, " in train["detail"]


def test_a_dry_run_says_how_long_it_reads_what_pictures_say(filled, command, monkeypatch):
    monkeypatch.setattr("models.planning.plan.reading_seconds", lambda preset, *_: 60.0 * len(preset.reads))
    for preset, steps in ((TRIAL, []), (f"{TRIAL},modalities=text,reads=ocr", [("ocr", 60.0)])):
        code, out, err = command("retrain", "--preset", preset, "--dry-run", "--json")
        assert code == 0, err
        read = [step for step in json.loads(out)["steps"] if step["step"] == "read"]
        assert [(step["detail"].partition(" in ")[0], step["seconds"]) for step in read] == steps


def test_for_people_it_is_a_table_that_ends_with_what_was_not_done(filled, command):
    code, out, _ = command("retrain", "--preset", TRIAL, "--dry-run", "--until", "registered")
    assert code == 0
    for part in (
        "What a retraining would do",
        "nobody decides yet",
        "registered and no further",
        "s at most",
    ):
        assert part in out
    assert out.rstrip().endswith("dry run: nothing was trained, registered or promoted")
    assert "at once" not in out


def test_a_dry_run_of_an_empty_lake_says_what_to_do(settings, command):
    code, _, err = command("retrain", "--dry-run")
    assert code == 2
    assert "moderato ingest SOURCE PATH" in err


@pytest.mark.parametrize(
    ("preset", "asked", "beside_champion", "words"),
    [
        ("compact", {}, True, ""),
        ("compact", {"until": "registered"}, False, "registered and no further, as asked"),
        ("trial", {}, False, ""),  # a first champion takes nobody's place
        ("trial", {}, True, "preset trial is for trying and replaces no champion; --replace lets it"),
        ("trial,epochs=2", {}, True, "is for trying"),
        ("trial", {"replace": True}, True, ""),
        ("trial", {"replace": True, "until": "registered"}, True, "registered and no further"),
    ],
)
def test_where_a_retraining_ends(preset, asked, beside_champion, words):
    told = RollOut(**asked).ends_early(Training(preset=preset), beside_champion=beside_champion)
    assert told.startswith(words) or words in told
    assert bool(told) is bool(words)
