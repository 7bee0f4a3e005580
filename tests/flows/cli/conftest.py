"""A command of this process, called as the shell calls it."""

import pytest

from flows.cli import main


@pytest.fixture
def command(capsys, monkeypatch):
    """Runs a command: its exit code, and what it printed and complained of."""
    monkeypatch.setenv("COLUMNS", "1000")

    def run(*words):
        code = 0
        try:
            main(words)
        except SystemExit as ended:
            code = ended.code or 0
        written = capsys.readouterr()
        return code, written.out, written.err

    return run
