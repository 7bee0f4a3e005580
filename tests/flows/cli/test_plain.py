"""What people and stores wrote is shown by every command, and obeyed by no terminal."""

import io
import json
import logging
from datetime import UTC, datetime

import pytest
from made_up_traffic import two_versions
from rich.markdown import Markdown
from rich.progress import MofNCompleteColumn
from rich.table import Table

from flows.cli.narration import Narrator
from flows.cli.plain import lines, plain, said, terminal
from flows.cli.progress import progress
from infra.registry.registry import KEY
from infra.rollout import Rollout, plan_named

HOSTILE = "[/red][bold]\x1b]0;owned\x07\x9b31m\u202e:boom:\nforged: line\\"
SHOWN = r"[/red][bold]\x1b]0;owned\x07\x9b31m\u202e:boom:\nforged: line" + "\\"
OBEYED = "\x1b\x07\x9b\u202e"


@pytest.fixture
def moderato(command):
    """What a command prints, whichever way it ends."""

    def run(*words):
        code, *written = command(*words)
        assert code in (0, 2)
        shown = "".join(written)
        assert not set(OBEYED) & set(shown), repr(shown)
        return shown

    return run


@pytest.fixture
def store(settings):
    store = two_versions(settings)
    registry = store.registry
    tags = {KEY: "k", "moderato.verdict": HOSTILE}
    registry.client.create_run(registry.experiment_id, run_name=HOSTILE, tags=tags)
    store.begin(Rollout.begin(plan_named("brief"), 1, 2, datetime.now(UTC)), "a new challenger")
    return store


def test_what_terminals_obey_is_written_out_and_markup_is_text():
    assert said(HOSTILE) == SHOWN
    out = io.StringIO()
    terminal(file=out, width=500).print(f"[bold]{plain(HOSTILE)}[/]")
    assert out.getvalue() == f"{SHOWN}\n"


def test_what_came_to_a_console_unescaped_ends_no_command():
    out = io.StringIO()
    console = terminal(file=out, width=500)
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    console.print(HOSTILE, table, Markdown(lines(f"# {HOSTILE}")))
    assert not set(OBEYED) & set(out.getvalue())


def test_reasons_and_names_of_runs_in_status_and_canary(store, moderato):
    assert SHOWN in moderato("canary", "pause", "--reason", HOSTILE)
    for words in (("canary",), ("status",)):
        shown = moderato(*words)
        assert SHOWN in shown
        assert "\nforged" not in shown


def test_a_rollback_s_reason(store, moderato):
    moderato("canary", "promote", "--reason", HOSTILE)
    assert "version 1 decides again" in moderato("rollback", "--reason", HOSTILE)
    assert SHOWN in moderato("canary")


def test_names_of_files_and_reasons_of_an_ingest(tmp_path, moderato):
    folder = tmp_path / HOSTILE.replace("/", "")
    folder.mkdir()
    (folder / "posts.jsonl").write_text(json.dumps({"post_id": HOSTILE, "text": HOSTILE}) + "\n{broken\n")
    assert "rejects" in moderato("ingest", "jsonl", str(folder))
    (folder / "posts.jsonl").write_text("")
    assert said(folder.name) in moderato("ingest", "jsonl", str(folder / "posts.jsonl"))


def test_an_error_that_names_what_was_given_is_one_line(moderato, monkeypatch):
    shown = moderato("ingest", "jsonl", f"/nowhere/{HOSTILE}")
    assert len(shown.splitlines()) == 1
    assert "owned" in shown


def test_settings_and_doctor(moderato, monkeypatch):
    monkeypatch.setenv("MODERATO_LANDING_SOURCE", HOSTILE)
    assert SHOWN in moderato("settings")
    monkeypatch.setenv("MODERATO_MLFLOW_TRACKING_URI", f"unknown://{HOSTILE}")
    assert "owned" in moderato("doctor")


def test_names_of_keys(moderato):
    moderato("keys", "create", "--scope", "decide", "--name", HOSTILE)
    assert SHOWN in moderato("keys", "list")


def test_what_steps_log_and_what_is_worked_on():
    out = io.StringIO()
    console = terminal(file=out, width=500)
    Narrator(console).emit(logging.makeLogRecord({"msg": HOSTILE, "levelno": logging.INFO}))
    assert r"[/red][bold]\x1b]0;owned\x07" in out.getvalue()
    with progress(console, MofNCompleteColumn()) as show:
        show(HOSTILE, 1, 2)
        console.print("over")
    assert not set(OBEYED) & set(out.getvalue())


def test_a_gateway_s_log_line_holds_nothing_that_a_terminal_obeys():
    from infra.gateway.api.telemetry import JsonLines

    line = JsonLines().format(logging.makeLogRecord({"msg": HOSTILE, "levelname": "INFO"}))
    assert not set(OBEYED) & set(line)
    assert json.loads(line)["message"] == HOSTILE
