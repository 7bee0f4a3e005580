"""A project folder for a test, and a real `moderato` in a folder below it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.settings import PREFIX
from infra.starter import begin_project


@dataclass(frozen=True)
class Project:
    """`below` is a folder in it, from which commands are called."""

    folder: Path
    below: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def moderato(self, *words: str, code: int = 0, **environment: str) -> str:
        """What the command prints; what it says of an error where it ends with another code than 0."""
        done = subprocess.run(
            [Path(sys.executable).with_name("moderato"), *words],
            capture_output=True, text=True, check=False, cwd=self.below, env=outside() | environment,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr


def outside() -> Mapping[str, str]:
    """The environment of a shell that knows nothing of Moderato, as wide as messages are long."""
    names = {name for name in os.environ if name.startswith((PREFIX, "PREFECT_"))}
    return {name: value for name, value in os.environ.items() if name not in names} | {"COLUMNS": "200"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A new project; this process stands in a folder below it, and has no home of its own."""
    begin_project(tmp_path / "shop")
    below = tmp_path / "shop" / "deep" / "er"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    monkeypatch.delenv(f"{PREFIX}HOME")
    return Project(tmp_path / "shop", below)
