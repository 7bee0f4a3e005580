"""TOML and YAML that people write: values, and the line of each, so that a fault is named where it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from models.domain.errors import UserError
from models.domain.project import shown

Place = tuple[str | int, ...]  # the keys that lead to a value, and the numbers in lists

TOML, YAML = (".toml",), (".yaml", ".yml")
AT = re.compile(r" ?\(at line (\d+), column \d+\)")
TWICE = ("twice", "overwrite", "immutable namespace")  # what tomllib says of a key that is there already
BARE = re.compile(r"[A-Za-z0-9_-]+")


class WrittenError(UserError):
    """A file that a person wrote has faults; each names its line and what to do."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")


@dataclass(frozen=True)
class Document:
    """What a file says. Values of YAML are text: whoever checks them knows which are numbers."""

    path: Path
    values: dict[str, Any]
    lines: Mapping[Place, int]

    def at(self, place: Sequence[str | int]) -> str:
        """`file:line` of a value, or of what it should stand in."""
        known = (
            self.lines[tuple(place[:end])]
            for end in range(len(place), 0, -1)
            if tuple(place[:end]) in self.lines
        )
        return f"{shown(self.path)}:{next(known, 1)}"


def nearest(given: str, choices: Sequence[str]) -> str:
    """A hint at the choice that was meant, and all of them."""
    choices = [str(choice) for choice in choices]
    found = get_close_matches(given, choices, 1)
    meant = f"did you mean {found[0]!r}? " if found else ""
    return f"{meant}it is one of: {', '.join(choices)}"


def read_document(path: Path) -> Document:
    """Raises WrittenError, with the line, for what is no TOML or YAML by the file's ending."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = (
            error.strerror
            if isinstance(error, OSError)
            else f"not in UTF-8 at byte {error.start}; save it as UTF-8"
        )
        raise WrittenError(f"{shown(path)}: {why}") from None
    return _yaml(path, text) if path.suffix.lower() in YAML else _toml(path, text)


def _toml(path: Path, text: str) -> Document:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = AT.search(str(error))
        last = text.count("\n") + 1
        why = AT.sub("", str(error)).strip()
        again = "; it stands there twice: keep one" if any(word in why for word in TWICE) else ""
        raise WrittenError(
            f"{shown(path)}:{line[1] if line else last}: {why[:1].lower()}{why[1:]}{again}"
        ) from None
    return Document(path, values, _Lines(text).read())


class _Lines:
    """Where the keys of valid TOML stand; inline tables and what is in them are their key's."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1
        self._found: dict[Place, int] = {}
        self._lists: dict[Place, int] = {}  # arrays of tables: how many there are

    def read(self) -> dict[Place, int]:
        table: Place = ()
        while self._skip(" \t\r\n"):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                line, place = self._line, table + self._key()
                for end in range(len(table) + 1, len(place) + 1):
                    self._found.setdefault(place[:end], line)
                self._value(place)
        return self._found

    def _header(self) -> Place:
        several, line = self._text.startswith("[[", self._at), self._line
        self._move(2 if several else 1)
        key = self._key()
        self._move(2 if several else 1)
        place: Place = ()
        for part in key[:-1] if several else key:
            place += (part,)
            self._found.setdefault(place, line)
            if place in self._lists:
                place += (self._lists[place] - 1,)
        if several:
            place += (key[-1],)
            self._found.setdefault(place, line)
            number = self._lists[place] = self._lists.get(place, 0) + 1
            place += (number - 1,)
        self._found[place] = line
        return place

    def _key(self) -> Place:
        parts: list[str] = []
        while True:
            self._skip(" \t")
            start = self._at
            if self._text[start] in "\"'":
                self._string()
                parts.append(next(iter(tomllib.loads(f"{self._text[start : self._at]} = 0"))))
            else:
                bare = BARE.match(self._text, start)
                assert bare, "tomllib read it"
                self._move(len(bare[0]))
                parts.append(bare[0])
            self._skip(" \t")
            if self._text[self._at] != ".":
                return tuple(parts)
            self._move(1)

    def _value(self, place: Place) -> None:
        """From the equals sign to the end of the value; the items of a list have lines of their own."""
        self._move(1)
        depth, items, fresh = 0, 0, True
        while self._at < len(self._text):
            sign = self._text[self._at]
            if sign in "\n#" and not depth:
                return
            if sign == "#":
                self._skip("")
                continue
            if depth == 1 and fresh and sign not in " \t\r\n]":
                self._found[(*place, items)] = self._line
                items, fresh = items + 1, False
            if sign in "\"'":
                self._string()
                continue
            depth += (sign in "[{") - (sign in "]}")
            fresh = fresh or (depth == 1 and sign in "[{,")
            self._move(1)

    def _string(self) -> None:
        quote = self._text[self._at]
        end = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._move(len(end))
        while not self._text.startswith(end, self._at):
            self._move(2 if quote == '"' and self._text[self._at] == "\\" else 1)
        self._move(len(end))
        while (
            len(end) > 1 and self._text[self._at : self._at + 1] == quote
        ):  # up to two that belong to the text
            self._move(1)

    def _skip(self, blanks: str) -> bool:
        """Past blanks and comments; whether there is more."""
        while self._at < len(self._text):
            if self._text[self._at] == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
                if not blanks:
                    break
            elif self._text[self._at] in blanks:
                self._move(1)
            else:
                break
        return self._at < len(self._text)

    def _move(self, signs: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + signs)
        self._at += signs


def _yaml(path: Path, text: str) -> Document:
    import yaml

    lines: dict[Place, int] = {}
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise WrittenError(f"{shown(path)}: it refers to another value with *; write the value out")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise WrittenError(f"{shown(path)}:{mark.line + 1 if mark else 1}: {why}") from None
    except yaml.YAMLError as error:
        raise WrittenError(f"{shown(path)}: {str(error).splitlines()[0]}") from None
    values = _node(path, root, (), lines) if root is not None else {}
    if not isinstance(values, dict):
        raise WrittenError(f"{shown(path)}:1: it holds a list or a text; write keys with values: title: ...")
    return Document(path, values, lines)


def _node(path: Path, node: Any, place: Place, lines: dict[Place, int]) -> Any:
    """A node's value; scalars are kept as they are written, so that the market NO is no "false"."""
    import yaml

    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_node(path, item, (*place, number), lines) for number, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return None if node.tag == "tag:yaml.org,2002:null" else node.value
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise WrittenError(f"{shown(path)}:{line}: a list or a table is no key")
        if key.value in found:
            first = lines[(*place, key.value)]
            raise WrittenError(
                f"{shown(path)}:{line}: {key.value} stands there twice, first in line {first}; keep one"
            )
        lines[(*place, key.value)] = line
        found[key.value] = _node(path, value, (*place, key.value), lines)
    return found
