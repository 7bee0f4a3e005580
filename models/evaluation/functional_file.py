"""Functional suites as people write them: cases of a functionality, each with a text and what is right about it.

After HateCheck (Röttger et al., 2021): a file of the project's folder `functional`, CSV with a header or an object of
JSON a line. Columns: functionality, text (or test_case), gold (or label_gold), and where they say something policy and
minimum, the least share of a functionality's cases that must pass. Without a policy column the file is named after its
policy: `hatecheck.hate_speech.csv`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.domain.located import WrittenError, nearest
from models.domain.project import own_files, shown

FOLDER = "functional"
CSV, JSONL = ".csv", ".jsonl"
COLUMNS = {"text": ("text", "test_case"), "gold": ("gold", "label_gold"), "functionality": ("functionality",)}
VIOLATES = ("violating", "hateful", "yes", "true", "1")
COMPLIES = ("compliant", "non-hateful", "no", "false", "0")
MAX_CASES = 20_000  # of a file; a suite is read by people
MAX_FAULTS = 20  # that are named at once
NAME = re.compile(r"[\w.\- ]{1,100}")  # of a suite: it is part of a metric's name


@dataclass(frozen=True)
class Case:
    functionality: str
    text: str
    violates: bool
    policy: str


@dataclass(frozen=True)
class Functional:
    """One file. `minimum` is the least share of cases that must pass, by functionality, where the file states one."""

    name: str
    cases: tuple[Case, ...]
    minimum: Mapping[str, float]


def functional_suites(policies: tuple[str, ...]) -> tuple[Functional, ...]:
    """Those of the project, by name; raises WrittenError, which lists every fault of all of them."""
    found: list[Functional] = []
    faults: list[str] = []
    for path in own_files(FOLDER, CSV, JSONL):
        try:
            found.append(read_functional(path, policies))
        except WrittenError as error:
            faults += error.faults
    counted = Counter(suite.name for suite in found)
    faults += [
        f"{FOLDER}: {count} files are called {name}; give each suite a name of its own"
        for name, count in counted.items()
        if count > 1
    ]
    if faults:
        raise WrittenError(*faults)
    return tuple(found)


def functional_digest() -> str:
    """Of what the suites say; empty without any."""
    paths = list(own_files(FOLDER, CSV, JSONL))
    said = b"".join(path.name.encode() + b"\0" + path.read_bytes() for path in paths)
    return hashlib.sha256(said).hexdigest() if paths else ""


def read_functional(path: Path, policies: tuple[str, ...]) -> Functional:
    """Raises WrittenError, which lists its faults by line. `policies` are those that can be asked about."""
    if not NAME.fullmatch(path.stem):
        raise WrittenError(
            f"{shown(path)}: the name {path.stem[:40]!r} of a suite; use letters, digits, blanks and . _ - alone"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrittenError(f"{shown(path)}: not in UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise WrittenError(f"{shown(path)}: {error.strerror}") from None
    reading = _Reading(path, policies)
    for line, row in _lines(text) if path.suffix.lower() == JSONL else _rows(path, text):
        reading.take(line, row)
    return reading.ended()


def _rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    rows = csv.DictReader(io.StringIO(text))
    try:
        header = rows.fieldnames or ()
        missing = [names for names in COLUMNS.values() if not set(names) & set(header)]
        if missing:
            wanted = ", ".join(" or ".join(names) for names in missing)
            raise WrittenError(
                f"{shown(path)}:1: no column {wanted}; the header has {', '.join(header) or 'nothing'}"
            )
        yield from ((rows.line_num, row) for row in rows)
    except csv.Error as error:
        raise WrittenError(f"{shown(path)}:{rows.line_num}: {error}") from None


def _lines(text: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    for number, line in enumerate(text.split("\n"), 1):  # other signs that end a line may stand in a text
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield number, row if isinstance(row, dict) else None


class _Reading:
    """The cases of one file so far, and what is wrong with it."""

    def __init__(self, path: Path, policies: tuple[str, ...]) -> None:
        self._path, self._policies = path, policies
        self._cases: list[Case] = []
        self._minimum: dict[str, float] = {}
        self._faults: list[str] = []
        self._named = path.stem.rpartition(".")[2]  # the policy of a file without such a column

    def take(self, line: int, row: Mapping[str, Any] | None) -> None:
        """One case; what is wrong with it is kept for the end."""
        before = len(self._faults)
        if row is None:
            self._wrong(line, 'no object; write {"functionality": "...", "text": "...", "gold": "violating"}')
            return
        said = {name: self._cell(row, names) for name, names in COLUMNS.items()}
        for name, value in said.items():
            if not value:
                self._wrong(line, f"no {name}; every case has {', '.join(COLUMNS)}")
        gold, policy = said["gold"].lower(), self._cell(row, ("policy",)) or self._named
        if gold and gold not in VIOLATES + COMPLIES:
            self._wrong(line, f"gold {said['gold'][:40]!r}: {nearest(gold, VIOLATES + COMPLIES)}")
        if policy not in self._policies:
            self._wrong(line, f"policy {policy[:40]!r}: {nearest(policy, self._policies)}")
        self._bar(line, said["functionality"], self._cell(row, ("minimum",)))
        if len(self._faults) == before:
            self._cases.append(Case(said["functionality"], said["text"], gold in VIOLATES, policy))

    def ended(self) -> Functional:
        """Raises WrittenError."""
        if not self._faults and not self._cases:
            self._wrong(1, "no case; a suite without any says nothing: take the file away")
        if len(self._cases) > MAX_CASES:
            self._wrong(1, f"{len(self._cases):,} cases; a suite holds {MAX_CASES:,} at most: part it")
        if self._faults:
            raise WrittenError(*self._faults[:MAX_FAULTS])
        return Functional(self._path.stem, tuple(self._cases), self._minimum)

    def _bar(self, line: int, functionality: str, said: str) -> None:
        if not said:
            return
        try:
            least = float(said)
        except ValueError:
            least = -1.0
        if not 0 <= least <= 1:
            self._wrong(line, f"minimum {said[:40]!r}: a share of cases goes from 0 to 1: 90 % is 0.9")
        elif self._minimum.setdefault(functionality, least) != least:
            other = self._minimum[functionality]
            self._wrong(line, f"{functionality!r} has the minimum {other} above and {least} here; keep one")

    def _wrong(self, line: int, why: str) -> None:
        self._faults.append(f"{shown(self._path)}:{line}: {why}")

    @staticmethod
    def _cell(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
        found = next((row[name] for name in names if row.get(name) is not None), "")
        if isinstance(found, bool):
            return str(found).lower()
        return str(found).strip()
