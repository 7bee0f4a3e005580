"""What the columns of a table mean: said on a command line, kept as a TOML file, or shipped with a source."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.ingest.notes import nearest
from models.domain.errors import UserError

FIELDS = (
    "post_id", "author_id", "market", "language", "created_at", "text", "image", "video", "views",
)  # fmt: skip
CONTENT = ("text", "image", "video")
JUDGED = ("moderator_id", "decided_at", "withdrawn", "source", "policy", "violates")  # of a row's judgement
SPECIAL = ("categories", "judgements")
EVERY = ("*",)
ENTRY = re.compile(
    r",(?=\s*[A-Za-z_]\w*\s*=)"
)  # a comma that another `name=` follows; columns may hold others
RULE = re.compile(r"(?P<column>.+?)\s*(?P<sign>>=|/)\s*(?P<given>[^/>=]+)")
MEANINGS = ("yes", "no", "unknown")


class MappingError(UserError):
    """A map that cannot be meant."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(Part):
    """A column that says whether posts violate one policy: words for yes and no, or, with a rule, fractions."""

    column: str
    at_least: float | None = Field(
        default=None, gt=0, le=1, description="a fraction from which on it violates"
    )
    votes: int | str | None = Field(
        default=None, description="how many people a fraction is of: a number, or the column that says it"
    )


class Categories(Part):
    """A column that names policies, or none of them; `policies` are those that a row of none was judged for.

    EVERY stands for all policies of the set in use.
    """

    column: str
    separator: str = Field(
        default="", description="between several; empty for the usual ones, or a JSON list"
    )
    policies: tuple[str, ...] = ()
    others: Literal["unknown", "no"] = Field(
        default="unknown", description="what a row that names one says of the others"
    )

    def by(self, policies: Sequence[str]) -> Self:
        return self.model_copy(update={"policies": tuple(policies)}) if self.policies == EVERY else self


class Judges(Part):
    """A column that holds a list of judgements, an entry each; the names are keys of an entry, dots lead inwards."""

    column: str
    policy: str = "policy"
    violates: str = "violates"
    moderator_id: str = "moderator_id"
    decided_at: str = "decided_at"
    withdrawn: str = "withdrawn"
    categories: str = Field(default="", description="names of policies, in place of policy and violates")


class Reading(Part):
    """What sniffing would get wrong."""

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    dates: str = Field(default="", description="the form of the times, as in %d.%m.%Y %H:%M")


class Map(Part):
    """The columns of a table by what they are; a table without a post's content brings judgements alone."""

    columns: dict[str, str] = Field(default={}, description="a post's and a judgement's fields by name")
    labels: dict[str, Label] = Field(default={}, description="policies by key")
    categories: Categories | None = None
    judges: Judges | None = None
    constants: dict[str, str] = Field(default={}, description="fields that every row has alike")
    words: dict[str, str] = Field(default={}, description="own words: yes, no, unknown, or a policy's key")
    reading: Reading = Reading()
    optional: tuple[str, ...] = Field(default=(), description="fields whose column a file may lack")

    @property
    def of_posts(self) -> bool:
        return any(name in self.columns for name in CONTENT)

    @property
    def judges_anything(self) -> bool:
        return bool(self.labels or self.categories or self.judges or "violates" in self.columns)

    def wanted(self) -> dict[str, str]:
        """The columns that are read, with the field that each is read for."""
        found = {column: name for name, column in self.columns.items()}
        for policy, label in self.labels.items():
            found[label.column] = policy
            if isinstance(label.votes, str):
                found.setdefault(label.votes, policy)
        for part, name in ((self.categories, "categories"), (self.judges, "judgements")):
            if part and part.column:
                found[part.column] = name
        return found

    def renamed(self, names: Mapping[str, str]) -> Map:
        """With columns as a file spells them."""

        def new(column: str) -> str:
            return names.get(column, column)

        labels = {
            policy: label.model_copy(
                update={
                    "column": new(label.column),
                    "votes": new(label.votes) if isinstance(label.votes, str) else label.votes,
                }
            )
            for policy, label in self.labels.items()
        }
        parts = {
            name: part.model_copy(update={"column": new(part.column)})
            for name, part in (("categories", self.categories), ("judges", self.judges))
            if part
        }
        columns = {name: new(column) for name, column in self.columns.items()}
        return self.model_copy(update={"columns": columns, "labels": labels, **parts})

    def over(self, base: Map) -> Map:
        """The base's map with what this one says in place of it."""
        return base.model_copy(
            update={
                "columns": base.columns | self.columns,
                "labels": base.labels | self.labels,
                "constants": base.constants | self.constants,
                "words": base.words | self.words,
                "categories": self.categories or base.categories,
                "judges": self.judges or base.judges,
                "reading": self.reading if self.reading != Reading() else base.reading,
                "optional": tuple(name for name in base.optional if not self._says_other(name, base)),
            }
        )

    def _says_other(self, name: str, base: Map) -> bool:
        """Whether a person named another column for a field or policy: that column must be there."""
        for mine, theirs in ((self.columns, base.columns), (self.labels, base.labels)):
            if name in mine and mine[name] != theirs.get(name):
                return True
        return name == "judgements" and self.judges not in {None, base.judges}


def checked(given: Map, policies: Sequence[str]) -> Map:
    """The map by the policies of the set in use, if every name in it is one; raises MappingError.

    Of a map that ships, labels of policies that this set lacks are left out: those are optional.
    """
    given = given.model_copy(
        update={
            "labels": {
                policy: label
                for policy, label in given.labels.items()
                if policy in policies or policy not in given.optional
            },
            "categories": given.categories and given.categories.by(policies),
        }
    )
    for name in (*given.columns, *given.constants):
        if name not in (*FIELDS, *JUDGED):
            raise MappingError(_unknown(name, policies))
    named = [*given.labels, *(given.categories.policies if given.categories else ())]
    named += [meant for meant in given.words.values() if meant not in MEANINGS]
    for name in named:
        if name not in policies:
            raise MappingError(_unknown(name, policies))
    if not given.of_posts and "post_id" not in given.columns:
        raise MappingError(
            "a map names the column of a post's text, image or video, as in --map text=Comment; judgements alone need "
            "post_id, as in --map post_id=Id,hate_speech=Hate"
        )
    return given


def _unknown(name: str, policies: Sequence[str]) -> str:
    known = (*FIELDS, *JUDGED, *SPECIAL, *policies)
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"choose from {', '.join(known)}"
    return f"{name[:60]!r} is no field of a post or judgement and no policy of the set; {hint}"


def spoken(words: Iterable[str], columns: Sequence[str] = ()) -> Map:
    """The map of words such as `text=Comment,hate_speech=Hate speech`; raises MappingError.

    A fraction has a rule behind its column: `Toxicity>=0.5`, or `Toxicity/10` and `Toxicity/Annotators` for a share of
    so many votes. `columns` are those of the file: a name that is one of them has no rule in it.
    """
    made: dict[str, Any] = {"columns": {}, "labels": {}}
    for entry in (entry for word in words for entry in ENTRY.split(word)):
        name, sign, column = (part.strip() for part in entry.partition("="))
        column = column.strip("\"'")
        if not (name and sign and column):
            raise MappingError(f"{entry[:60]!r} maps nothing; write FIELD=COLUMN, as in --map text=Comment")
        if name in (*FIELDS, *JUDGED):
            made["columns"][name] = column
        elif name == "categories":
            made["categories"] = Categories(column=column)
        elif name == "judgements":
            made["judges"] = Judges(column=column)
        else:
            made["labels"][name] = _label(column, columns)
    return Map(**made)


def _label(given: str, columns: Sequence[str]) -> Label:
    rule = None if given in columns else RULE.fullmatch(given)
    if rule is None:
        return Label(column=given)
    column, value = rule["column"], rule["given"].strip()
    if rule["sign"] == "/":
        return Label(column=column, votes=int(value) if value.isdecimal() else value)
    try:
        return Label(column=column, at_least=float(value))
    except ValueError:
        raise MappingError(f"{given!r}: a threshold is above 0 and at most 1, as in Toxicity>=0.5") from None


def pairs(words: Iterable[str], option: str) -> dict[str, str]:
    """`market=DE,language=de` as a dictionary; raises MappingError."""
    found = {}
    for entry in (entry for word in words for entry in word.split(",")):
        name, sign, value = (part.strip() for part in entry.partition("="))
        if not (name and sign and value):
            raise MappingError(f"{option} {entry[:60]!r} says nothing; write NAME=VALUE")
        found[name] = value
    return found


def load(path: Path) -> Map:
    """The map that a TOML file holds; raises MappingError."""
    try:
        return Map.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise MappingError(f"{path}: {where}: {first['msg'].lower()}") from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path} is no map: {error}") from None


def toml(given: Map) -> str:
    """The map as a file that `load` reads back."""
    lines = ["# What the columns of a table mean: moderato ingest table FILE --map THIS.toml", ""]
    held = given.model_dump(exclude_defaults=True)
    lines += [
        f"{_key(name)} = {_value(value)}" for name, value in held.items() if not isinstance(value, dict)
    ]
    for name, value in held.items():
        if isinstance(value, dict):
            lines += _table(name, value)
    return "\n".join(lines) + "\n"


def _table(name: str, held: dict[str, Any]) -> list[str]:
    inner = {key: value for key, value in held.items() if isinstance(value, dict)}
    plain = {key: value for key, value in held.items() if key not in inner}
    lines = (
        [f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in plain.items()), ""]
        if plain
        else []
    )
    for key, value in inner.items():
        lines += _table(f"{name}.{_key(key)}", value)
    return lines


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: object) -> str:
    """JSON's texts, numbers and lists of texts are TOML's, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def command(given: Map, source: str, path: str) -> str:
    """The shell's words that say the same."""
    told = {**given.columns, **{policy: _told(label) for policy, label in given.labels.items()}}
    if given.categories:
        told["categories"] = given.categories.column
    if given.judges:
        told["judgements"] = given.judges.column
    words = [
        "moderato",
        "ingest",
        source,
        path,
        "--map",
        ",".join(f"{key}={value}" for key, value in told.items()),
    ]
    if given.constants:
        words += ["--set", ",".join(f"{key}={value}" for key, value in given.constants.items())]
    for word, meant in given.words.items():
        words += ["--word", f"{word}={meant}"]
    for option, value in given.reading.model_dump(exclude_defaults=True).items():
        words += [f"--{option}", value]
    return shlex.join(words)


def _told(label: Label) -> str:
    if label.at_least is not None:
        return f"{label.column}>={label.at_least:g}"
    return label.column if label.votes is None else f"{label.column}/{label.votes}"
