"""JSON of any shape as rows: lists and lines of objects, columns side by side, a list within an object."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from infra.ingest.chunks import read_json
from infra.ingest.lines import MAX_LINE, Block, json_object, lines
from infra.ingest.notes import Notes
from infra.ingest.opening import unpacked
from infra.ingest.reject import BadLineError

LARGEST = 256 << 20  # bytes of a document that must be held whole
DEEP = 8  # objects within objects whose keys become one column's name


class Document(NamedTuple):
    """A row by its columns, or why it is none."""

    row: int
    values: dict[str, Any] | BadLineError


class Documents(NamedTuple):
    rows: list[Document]
    size: int  # bytes


def documents(path: Path, wanted: Collection[str], notes: Notes) -> Iterator[Documents]:
    """The file's rows, some at a time, of which some have `wanted` columns; raises BadLineError."""
    whole = _whole(path, wanted)
    if whole is not None:
        found = _rows(whole, path.name, notes)
        yield Documents(
            [Document(row, flat(value)) for row, value in enumerate(found, 1)], path.stat().st_size
        )
        return
    for unit in read_json(path):
        assert isinstance(unit.raw, Block)
        yield Documents([_document(line.row, line.data) for line in lines(unit.raw)], unit.size)


def _document(row: int, data: bytes) -> Document:
    try:
        return Document(row, flat(json_object(data)))
    except BadLineError as error:
        return Document(row, error)


def _whole(path: Path, wanted: Collection[str]) -> dict[str, Any] | None:
    """The document, where the file is one object and no row: objects a line each, and lists, are read in pieces."""
    with unpacked(path) as (head, stream):
        if not head.lstrip().startswith(b"{") or _is_line(head):
            return None
        data = b""
        while len(data) <= LARGEST and (more := stream.read(MAX_LINE)):
            data += more
    try:
        value = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    shape = _shape(value)
    is_row = shape == "within" and not {*flat(value)}.isdisjoint(wanted)
    return value if shape and not is_row else None


def _is_line(head: bytes) -> bool:
    """Whether the first line is an object, and another follows."""
    first, _, rest = head.lstrip().partition(b"\n")
    try:
        return isinstance(json.loads(first), dict) and rest.lstrip().startswith(b"{")
    except (ValueError, RecursionError):
        return False


def _shape(value: dict[str, Any]) -> str:
    """How rows lie in an object: columns of lists or of objects, pandas' split form, a list; empty for a row."""
    parts = list(value.values())
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return "split"
    if parts and all(isinstance(part, list) for part in parts):
        plain = not any(isinstance(cell, dict) for part in parts for cell in part[:20])
        if plain and len({len(part) for part in parts}) == 1:
            return "lists"
    if (
        len(parts) > 1
        and all(isinstance(part, dict) for part in parts)
        and len({frozenset(part) for part in parts}) == 1
    ):
        return "objects"
    return "within" if _listed(value) else ""


def _listed(value: dict[str, Any]) -> str:
    """The key of the longest list of objects; empty where there is none."""
    found = {key: len(part) for key, part in value.items()
             if isinstance(part, list) and part and all(isinstance(each, dict) for each in part)}  # fmt: skip
    return max(found, key=lambda key: found[key], default="")


def _rows(value: dict[str, Any], name: str, notes: Notes) -> Iterator[dict[str, Any]]:
    shape = _shape(value)
    if shape == "split":
        notes.add("sniffed", f"{name}: JSON of columns and data")
        return (dict(zip(value["columns"], row, strict=False)) for row in value["data"])
    if shape == "lists":
        notes.add("sniffed", f"{name}: JSON, a list for each column")
        return (dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True))
    if shape == "objects":
        notes.add("sniffed", f"{name}: JSON, an object for each column")
        return ({key: part[place] for key, part in value.items()} for place in next(iter(value.values())))
    key = _listed(value)
    notes.add("sniffed", f"{name}: JSON, a list under {key!r}")
    return iter(value[key])


def flat(value: dict[str, Any], before: str = "", depth: int = 0) -> dict[str, Any]:
    """Objects within it as columns of their own, with dots between the keys; lists as JSON text."""
    found: dict[str, Any] = {}
    for key, part in value.items():
        name = f"{before}{key}"
        if isinstance(part, dict) and part and depth < DEEP:
            found |= flat(part, f"{name}.", depth + 1)
        else:
            found[name] = text_of(part)
    return found


def text_of(value: Any) -> str | None:
    """A value of JSON as the text of a cell."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, default=str)


def columns(rows: Sequence[Document]) -> list[str]:
    """The names of all columns, in the order in which they are met."""
    names: dict[str, None] = {}
    for document in rows:
        if isinstance(document.values, dict):
            names |= dict.fromkeys(document.values)
    return list(names)
