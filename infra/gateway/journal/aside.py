"""Lines of journals that were damaged: kept as they are, beside their journal, until a person repairs or discards them.

A file is made by whoever ships, in one step, and its lines may be edited. Older releases put whole segments aside;
their lines are taken one by one here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.gateway.journal.records import Damaged, read
from infra.lake import Table
from models.process.atomic_write import write_bytes

SUFFIX = ".damaged"
JOURNAL = "journal"  # under home: a folder for each process


@dataclass(frozen=True)
class Aside:
    """One line that was put aside; `reason` is empty where it can be read by now."""

    path: Path
    number: int  # of the line, from 1
    reason: str
    decision_id: str
    line: bytes


def put_aside(segment: Path, damaged: list[Damaged]) -> Path:
    """Keep a segment's damaged lines on disk; call again and again for the same segment with the same result."""
    target = segment.with_suffix(SUFFIX)
    _write(target, [it.line for it in damaged])
    return target


def lines_aside(root: Path) -> Iterator[Aside]:
    """Every line that was put aside under the journals' folder."""
    for path in files_aside(root):
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            if line:
                _, still = read(line + b"\n")
                found = Damaged(line, still[0].reason if still else "")
                yield Aside(path, number, found.reason, found.decision_id, line)


def count_aside(root: Path) -> int:
    """Lines that were put aside."""
    return sum(bool(line) for path in files_aside(root) for line in path.read_bytes().split(b"\n"))


def files_aside(root: Path) -> list[Path]:
    return sorted(root.glob(f"*/*{SUFFIX}"))


def retry_aside(root: Path, table: Table) -> tuple[int, int]:
    """Bring what can be read by now into the table, each decision once; how many, and how many lines are left."""
    brought = left = 0
    for path in files_aside(root):
        data = path.read_bytes()
        rows, damaged = read(
            data if data.endswith(b"\n") else data + b"\n"
        )  # an editor may leave the last one out
        if len(rows):
            table.append_missing(rows.to_batches())
        if damaged:
            _write(path, [it.line for it in damaged])
        else:
            path.unlink()
        brought, left = brought + len(rows), left + len(damaged)
    return brought, left


def discard_aside(root: Path) -> int:
    """Forget every line that was put aside; how many."""
    count = count_aside(root)
    for path in files_aside(root):
        path.unlink()
    return count


def _write(target: Path, lines: list[bytes]) -> None:
    write_bytes(target, b"\n".join([*lines, b""]))
