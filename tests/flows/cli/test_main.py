import subprocess
import sys

import pytest

from flows.cli import VERBS

HEAVY = (
    "torch",
    "lightning",
    "prefect",
    "mlflow",
    "great_expectations",
    "lance",
    "duckdb",
    "pandas",
    "boto3",
)


def moderato(*arguments, **environment):
    import os

    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_help_lists_every_verb_with_its_purpose():
    shown = moderato("--help")
    assert shown.returncode == 0
    assert all(verb in shown.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb):
    shown = moderato(verb, "--help")
    assert shown.returncode == 0, shown.stderr
    assert f"Usage: moderato {verb}" in shown.stdout


def test_help_loads_nothing_heavy():
    code = "import sys, flows.cli as c; c.app(['--help'], exit_on_error=False)\n"
    code = (
        f"import sys\ntry:\n    exec({code!r})\nfinally:\n    print([m for m in {HEAVY} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert shown.stdout.strip().endswith("[]")


def test_a_lifecycle_loads_what_trains_only_where_it_trains():
    program = "import sys; import flows.retrain; sys.exit(bool({'torch', 'lightning', 'optuna'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("words", [["status"], ["canary"], ["rollback"], ["journal"]])
def test_who_only_looks_loads_nothing_that_serves_or_trains(words):
    code = (
        "import sys\nfrom flows.cli import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    print([m for m in ('fastapi', 'onnxruntime', 'torch', 'prefect', 'mlflow') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert shown.stdout.endswith("[]\n"), shown


def test_an_unknown_verb_is_an_error():
    shown = moderato("retrian")
    assert shown.returncode == 2
    assert "retrian" in shown.stderr
    assert "retrain" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize("words", [["settings"], ["status", "--json"]])
def test_output_that_nobody_reads_to_its_end_is_no_mistake(words):
    command = [sys.executable, "-m", "flows.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as shown:
        shown.stdout.close()
        said = shown.stderr.read()
    assert (shown.returncode, said) == (1, "")


def test_a_wrong_setting_is_one_line_and_exit_code_2():
    shown = moderato("settings", MODERATO_SEED="seven")
    assert shown.returncode == 2
    assert shown.stderr.startswith("moderato: MODERATO_SEED is 'seven'")
    assert len(shown.stderr.splitlines()) == 1


def test_settings_are_shown_with_their_source():
    shown = moderato("settings", MODERATO_SEED="7")
    assert "MODERATO_SEED = 7  (environment)" in shown.stdout
    assert "seed of splits" in shown.stdout
