"""What can be chosen is listed in the help, offered by Tab, and the nearest name is offered for a wrong one."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from flows.cli import GROUPS, VERBS, choices
from infra.ingest.sources import SOURCES
from infra.rollout import GUARDRAILS, PLANS
from models.domain.nearest import choose
from models.encoders import ENCODERS
from models.objectives import OBJECTIVES
from models.objectives.base.objective import Supervised
from models.policies import POLICY_SETS
from models.training.presets import PRESETS

NARROW = 80  # columns


def shown(*words, home="", **environment):
    command = [sys.executable, "-m", "flows.cli", *words]
    given = {**os.environ, "COLUMNS": str(NARROW), "HOME": str(home), **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_names_that_help_lists_are_those_that_there_are():
    assert set(choices.presets()) == {*PRESETS.names(), *ENCODERS.names()}
    assert choices.policy_sets() == POLICY_SETS.names()
    assert set(choices.plans()) == set(PLANS.names())
    assert choices.guardrails() == GUARDRAILS.names()
    assert choices.sources() == SOURCES.names()
    learned = [it.name for it in OBJECTIVES if not isinstance(it, Supervised)]
    assert choices.lessons() == learned


def test_help_is_grouped_in_the_order_of_doing_and_a_command_takes_one_line():
    lines = shown("--help").splitlines()
    titles = [line.strip("╭╮─ ") for line in lines if line.startswith("╭")]
    assert titles == [*GROUPS, "Help"]
    for verb, purpose in VERBS.items():
        assert any(line.split()[1:2] == [verb] and purpose in line for line in lines), verb


def test_what_is_chosen_is_listed_where_it_is_chosen():
    retrain = " ".join(shown("retrain", "--help").replace("│", " ").split())
    for name in (*choices.presets(), *choices.policy_sets(), *choices.plans(), *choices.guardrails()):
        assert name in retrain
    assert "Exit code 3 when a gate rejects" in retrain  # the docstring, not the list's line again
    assert "[default: False]" not in retrain
    ingest = shown("ingest", "--help")
    assert all(name in ingest for name in SOURCES.names())


@pytest.fixture(scope="module")
def completed(tmp_path_factory):
    """What bash offers for the last of these words, with the completion installed in a home of its own."""
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    home = tmp_path_factory.mktemp("shell")
    assert "Completion script installed" in shown("--install-completion", "--shell", "bash", home=home)
    script = next(home.rglob("completions/moderato"))
    assert str(script) in (home / ".bashrc").read_text()
    folder = home / "bin"
    folder.mkdir()
    program = folder / "moderato"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flows.cli "$@"\n')
    program.chmod(0o755)

    def ask(*words):
        line = " ".join(f'"{word}"' for word in ("moderato", *words))
        asked = (
            f'source "{script}"; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _moderato; '
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", asked], capture_output=True, text=True, check=False, env=environment
        )
        return shlex.split(done.stdout)  # quoted as the shell reads it

    return ask


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ret"], ["retrain"]),
        (["retrain", "--pre"], ["--preset"]),
        (["retrain", "--preset", "tr"], ["trial", "transformer"]),
        (["retrain", "--preset", "compact,epo"], ["compact,epochs="]),
        (["retrain", "--plan", "ste"], ["steady"]),
        (["ingest", "js"], ["jsonl"]),
        (["canary", "pr"], ["promote"]),
        (["zero-shot", "a", "b", "--policy", "hate"], ["hate_speech"]),
        (["keys", "cr"], ["create"]),
        (["score", "in.jsonl", "out.csv", "--model", "champ"], ["champion"]),
    ],
)
def test_tab_completes_commands_options_and_names(completed, words, offered):
    assert completed(*words) == offered


@pytest.mark.parametrize("words", [["help"], ["help", "retrain"]])
def test_help_is_given_to_who_asks_for_it_by_that_word(words):
    assert shown(*words) == shown(*words[1:], "--help")


def test_a_preset_is_named_with_or_without_the_option(command):
    for words in (
        ["retrain", "gigantic"],
        ["retrain", "--preset", "gigantic"],
        ["search", "gigantic", "--over", "x=1"],
    ):
        assert "no preset called 'gigantic'" in command(*words)[2]


def test_the_nearest_name_is_offered_before_all_of_them():
    assert choose("Stedy", PLANS.names()) == "did you mean 'steady'? choose one of: brief, steady"
    assert choose("nope", PLANS.names()) == "choose one of: brief, steady"
    assert choose("any", (), none="none yet") == "choose one of: none yet"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("retrain --preset compct", "compact"),
        ("retrain --preset compact,epochz=3", "epochs"),
        ("retrain --plan stedy", "steady"),
        ("retrain --policy-set community-guidelines", "community_guidelines"),
        ("retrain --dry-run-of error-rate", "error_rate"),
        ("ingest jsnl nowhere", "jsonl"),
        ("plan compact --device H10", "H100"),
        ("search --over learning-rate=1e-4..1e-2", "learning_rate"),
    ],
)
def test_a_mistyped_name_is_told_what_was_meant(command, words, meant):
    code, _, said = command(*words.split())
    assert code == 2
    assert f"did you mean {meant!r}?" in said
