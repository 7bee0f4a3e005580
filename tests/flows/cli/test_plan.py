import json

import pytest

from flows.cli import main

TRIAL = "trial,modalities=text,vocabulary=300,ngram_bits=0,width=16"


@pytest.fixture
def moderato(settings, monkeypatch, capsys):
    """Run a command in this process: its exit code, and what it said."""

    def run(*arguments):
        monkeypatch.setenv("MODERATO_HOME", str(settings.home))
        try:
            main(arguments)
        except SystemExit as end:
            return end.code, capsys.readouterr()
        return 0, capsys.readouterr()

    return run


def test_a_plan_says_what_a_run_takes(moderato, settings):
    code, said = moderato("plan", TRIAL, "--json")
    found = json.loads(said.out)
    assert code == 0
    assert found["preset"] == "trial"
    assert found["memory_bytes"] == sum(found["memory"].values()) > 0
    assert found["seconds"] == pytest.approx(found["seconds_per_pass"] * found["epochs"])
    assert "measured in a few steps" in found["timed"]


@pytest.mark.parametrize(
    ("settings_say", "given", "planned"),
    [
        ({"DEVICES": "4", "STRATEGY": "fsdp"}, (), (4, "fsdp")),
        ({"DEVICES": "4", "STRATEGY": "fsdp"}, ("--devices", "2"), (2, "fsdp")),
        ({"DEVICES": "4", "WORKERS": "3"}, (), (3, "ddp")),
    ],
)
def test_what_is_not_given_is_planned_as_the_settings_would_train_it(
    moderato, monkeypatch, settings_say, given, planned
):
    for name, value in settings_say.items():
        monkeypatch.setenv(f"MODERATO_{name}", value)
    code, said = moderato("plan", TRIAL, *given, "--json")
    found = json.loads(said.out)
    assert code == 0
    assert (found["devices"], found["strategy"]) == planned


def test_for_people_it_is_a_table_with_where_the_numbers_are_from(moderato):
    code, said = moderato("plan", TRIAL, "--device", "H100", "--devices", "8", "--strategy", "fsdp")
    assert code == 0
    for part in ("trial on 8 x H100", "memory of a device", "of 80.0 GB", "no snapshot: assumed are"):
        assert part in said.out


def test_what_does_not_fit_is_a_warning_that_says_what_would(moderato):
    code, said = moderato("plan", "clip", "--batch", "32768", "--device", "L4")
    assert code == 0
    assert "warning does not fit" in said.out
    assert "would fit" in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "no preset called 'nope'; choose one of: albef, "),
        ([TRIAL, "--device", "Q"], "no device called 'Q'; choose one of: "),
        ([TRIAL, "--strategy", "pipeline"], "Input should be 'ddp' or 'fsdp'"),
    ],
)
def test_a_wrong_choice_lists_the_choices(moderato, arguments, said):
    code, told = moderato("plan", *arguments)
    assert (code, said in told.err) == (2, True)
