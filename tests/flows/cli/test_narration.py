"""Nothing is silent for long where a person watches: loading is said, and so is a step that goes on."""

import io
import logging
import os
import pty
import re
import subprocess
import sys
import time

from flows.cli import narration
from flows.cli.narration import BEGUN, Narrator
from flows.cli.plain import terminal


def at_a_terminal(program):
    """What a program writes to standard error that is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", program], stderr=theirs, stdout=subprocess.DEVNULL) as run:
        os.close(theirs)
        written = b""
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:  # Linux says so at a terminal's end
                break
            if not more:
                break
            written += more
        run.wait()
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


LOADING = """
import time
from flows.cli import loading
from flows.cli.plain import terminal
loading.MOMENT = 0.1
with loading.told_of_loading("status"):
    {first}
    exec("import time; time.sleep(0.5)", {{"__name__": "mlflow.tracking"}})
"""


def test_who_waits_at_a_terminal_is_told_for_what():
    assert at_a_terminal(LOADING.format(first="pass")) == "moderato status: loading MLflow ...\n"


def test_and_again_while_it_goes_on():
    shown = at_a_terminal(
        "from flows.cli import loading\nloading.REMIND_SECONDS = 0.2\n" + LOADING.format(first="pass")
    )
    lines = shown.splitlines()
    assert len(lines) >= 2
    assert all(
        re.fullmatch(r"moderato status: loading MLflow \.\.\. \d+ s so far", line) for line in lines[1:]
    )


def test_a_command_that_has_spoken_is_left_alone():
    spoken = 'terminal(stderr=True).print("at it")'
    assert at_a_terminal(LOADING.format(first=spoken)) == "at it\n"


def test_nobody_is_told_in_a_log_or_a_pipe():
    command = [sys.executable, "-c", LOADING.format(first="pass")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def record(name, message, **fields):
    return logging.makeLogRecord({"name": name, "msg": message, "levelno": logging.INFO, **fields})


def told(*records, pause=0.0):
    """The lines that a narrator prints of these records."""
    out = io.StringIO()
    narrator = Narrator(terminal(file=out, width=200))
    for one in records:
        narrator.emit(one)
        time.sleep(pause)
    return [line.strip() for line in out.getvalue().splitlines()]


def test_a_step_is_one_line_with_what_how_much_and_how_long():
    step = {"task_name": "cut snapshot"}
    assert told(
        record(BEGUN, "cut snapshot"),
        record("prefect.task_runs", "snapshot f78c of 1,053 train posts; 0.5 s", story=True, **step),
        record("prefect.task_runs", "Finished in state Completed()", **step),
        record("prefect.task_runs", "Finished in state Cached(type=COMPLETED)", task_name="validate"),
    ) == [
        "cut snapshot      snapshot f78c of 1,053 train posts; 0.5 s",
        "validate          done before",
    ]


def test_a_step_that_takes_long_is_named_while_it_goes_on(monkeypatch):
    monkeypatch.setattr(narration, "BAR_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(narration, "REMIND_SECONDS", 0.1)
    lines = told(
        record(BEGUN, "evaluate"), record("prefect.task_runs", "Finished in state Failed()"), pause=0.3
    )
    assert lines[0] == "evaluate          ..."
    assert lines[1].endswith("s so far")
    assert lines == [line for line in lines if line.startswith("evaluate")]


def test_after_ctrl_c_nothing_more_is_said_of_a_step(monkeypatch):
    monkeypatch.setattr(narration, "BAR_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(narration, "was_asked", lambda: True)
    assert told(record(BEGUN, "canary"), pause=0.3) == []
