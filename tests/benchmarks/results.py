"""What benches saw, as a JSON file that is whole at every moment: one result a bench, each with where and when."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from tests.benchmarks.frame import LIMIT_SECONDS, ROOT, Frozen, Seen, Table

LAST = ROOT / "build" / "benchmarks.json"  # the last run of each bench here
PUBLISHED = ROOT / "docs" / "benchmarks.json"  # what the docs show
GIB = 1 << 30
BUSY = 0.5  # processes of others from which on a machine is a busy one

Outcome = Literal["measured", "crashed", "skipped"]


@cache
def this_machine() -> str:
    """The processor, its cores, memory and GPU, as in the docs."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {processor}, {memory:.0f} GiB, {gpu() or 'no GPU'}"


def gpu() -> str:
    """Its name, or nothing; torch is not asked, which takes seconds to import."""
    if shutil.which("nvidia-smi") is None:
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return " and ".join(asked.stdout.split("\n")).removesuffix(" and ") if asked.returncode == 0 else ""


@cache
def this_commit() -> str:
    """The short hash of this checkout, marked where files differ from it; nothing outside of git."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    asked = subprocess.run(git, capture_output=True, text=True, check=False)
    return asked.stdout.strip()


class Result(Frozen):
    """One bench, measured once. reason: why it crashed or was skipped; source: who measured it."""

    about: str = ""
    outcome: Outcome = "crashed"
    reason: str = "ended without a word"
    seen: tuple[Seen, ...] = ()
    table: Table | None = None
    seeds: str = ""
    limit_seconds: float = LIMIT_SECONDS
    seconds: float = 0.0
    at: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    machine: str = Field(default_factory=this_machine)
    version: str = Field(default_factory=lambda: version("moderato"))
    commit: str = Field(default_factory=this_commit)
    load: float = 0.0  # processes that others kept busy when the benches began
    source: str = "make bench"

    @property
    def failed(self) -> bool:
        """A figure that a crash kept from being seen counts as missed; one that was skipped does not."""
        missed = any(it.verdict == "missed" for it in self.seen)
        return self.outcome == "crashed" or missed

    def told(self) -> list[Seen]:
        """Of a bench that was skipped only what it saw before."""
        return [it for it in self.seen if self.outcome != "skipped" or it.value is not None]


class Results(Frozen):
    benches: dict[str, Result] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Results:
        """Nothing where there is no file; raises ValueError for what is none of ours."""
        if not path.exists():
            return cls()
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{path} holds no figures of benches ({error}); remove or restore it") from error

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        ordered = self.model_copy(update={"benches": dict(sorted(self.benches.items()))})
        write(path, ordered.model_dump_json(indent=1) + "\n")

    def updated(self, newer: dict[str, Result]) -> Results:
        return self.model_copy(update={"benches": self.benches | newer})


def write(path: Path, text: str) -> None:
    """In place whole: whoever reads meanwhile, or after a kill, finds the old or the new."""
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
