"""The judgements of a table's rows, as ingest's labels: each distinct spelling is read once, whatever the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from infra.ingest.reject import BadLineError, shorten
from infra.ingest.tables.mapping import Categories, Judges, Label, Map
from infra.ingest.tables.words import NONE_OF_THEM, NOTHING, SEPARATORS, bare, meaning, share
from models.domain.policy import PolicySet

Entry = dict[str, Any]  # of ingest's labels: policy, violates, and what is known of the judgement
MOST_VOTES = 65_535
FIXED = ("moderator_id", "source")  # of judgements, that all rows may have alike

Column = Callable[[str], pa.Array]  # the texts of a column by its name


class Coded(NamedTuple):
    """`codes` [N] are places in `read`: what each distinct value says, or why it is refused."""

    codes: np.ndarray
    read: list[list[Entry] | BadLineError]


def labels_of(given: Map, column: Column, count: int, policy_set: PolicySet) -> tuple[pa.Array, pa.Array]:
    """JSON texts of the rows' judgements, and reasons to refuse rows: `reason|detail`, NULL for none."""
    names = called(policy_set)
    own = {bare(word): meant for word, meant in given.words.items()}
    parts = [_labelled(policy, label, column, own) for policy, label in given.labels.items()]
    if given.categories and given.categories.column:
        form = given.categories
        parts.append(
            _coded([column(form.column)], lambda text: categorised(text, form, own, names), form.column)
        )
    if "violates" in given.columns:
        parts.append(_one_by_one(given, column, own, names))
    details = [_coded([column(given.columns[name])], _detail(name, own), given.columns[name])
               for name in ("moderator_id", "decided_at", "withdrawn", "source") if name in given.columns]  # fmt: skip
    fixed: Entry = {name: given.constants[name] for name in FIXED if name in given.constants}
    lists = []
    if given.judges:
        judges = given.judges
        of = given.categories or Categories(column="")
        lists.append(
            _coded([column(judges.column)], lambda text: _listed(text, judges, of, own, names), judges.column)
        )
    return _together(parts, details, lists, fixed, count)


def called(policy_set: PolicySet) -> dict[str, str]:
    """Policies by the names that people have for them: keys, titles and other systems' categories."""
    found: dict[str, str] = {}
    for policy in policy_set.policies:
        for name in (policy.key, policy.title, *policy.categories):
            found.setdefault(simple(name), policy.key)
    return found | {policy.key: policy.key for policy in policy_set.policies}


def simple(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _together(
    parts: Sequence[Coded], details: Sequence[Coded], lists: Sequence[Coded], fixed: Entry, count: int
) -> tuple[pa.Array, pa.Array]:
    every = [*parts, *details, *lists]
    if not every:
        return pa.nulls(count, pa.string()), pa.nulls(count, pa.string())
    distinct, rows = np.unique(np.stack([part.codes for part in every], 1), axis=0, return_inverse=True)
    said, problems = [], []
    for codes in distinct:
        read = [part.read[code] for part, code in zip(every, codes, strict=True)]
        fault = next((each for each in read if isinstance(each, BadLineError)), None)
        problems.append("|".join(fault.args) if fault else None)
        said.append(None if fault else _spelled([each for each in read if isinstance(each, list)],
                                                len(parts), len(details), fixed))  # fmt: skip
    take = pa.array(rows.reshape(-1))
    return pa.array(said, pa.string()).take(take), pa.array(problems, pa.string()).take(take)


def _spelled(read: Sequence[list[Entry]], parts: int, details: int, fixed: Entry) -> str | None:
    judged = [entry for part in read[:parts] for entry in part]
    more = {
        key: value for part in read[parts : parts + details] for entry in part for key, value in entry.items()
    }
    listed = [entry for part in read[parts + details :] for entry in part]
    entries = [{"moderator_id": "", **fixed, **more, **entry} for entry in judged]
    entries += [{"moderator_id": "", **fixed, **entry} for entry in listed]
    return json.dumps(entries, ensure_ascii=False) if entries else None


def _coded(columns: Sequence[pa.Array], read: Callable[..., list[Entry]], named: str) -> Coded:
    """Each distinct combination of values read once; what is wrong with one is told with its column."""
    codes = np.zeros(len(columns[0]), np.int64)
    held = []
    for column in columns:
        coded = column.dictionary_encode()
        values = [*coded.dictionary.to_pylist(), ""]
        held.append(values)
        codes = codes * len(values) + coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    used, places = np.unique(codes, return_inverse=True)
    found: list[list[Entry] | BadLineError] = []
    for code in used.tolist():
        values = []
        for choices in reversed(held):
            code, place = divmod(code, len(choices))  # noqa: PLW2901 - digits of a number, the last first
            values.append(choices[place])
        try:
            found.append(read(*reversed(values)))
        except BadLineError as fault:
            found.append(BadLineError(fault.args[0], shorten(f"{named}: {fault.args[1]}")))
    return Coded(places.reshape(-1), found)


def _labelled(policy: str, label: Label, column: Column, own: Mapping[str, str]) -> Coded:
    texts = column(label.column)
    if label.at_least is not None:
        return _coded([texts], lambda text: _above(policy, text, label.at_least or 0), label.column)
    if label.votes is None:
        return _coded([texts], lambda text: _verdict(policy, meaning(text, own)), label.column)
    counts = column(label.votes) if isinstance(label.votes, str) else pa.repeat(str(label.votes), len(texts))
    return _coded([texts, counts], lambda text, votes: _tally(policy, text, votes), label.column)


def _verdict(policy: str, violates: bool | None) -> list[Entry]:
    return [] if violates is None else [{"policy": policy, "violates": violates}]


def _above(policy: str, text: str, at_least: float) -> list[Entry]:
    found = share(text)
    return _verdict(policy, None if found is None else found >= at_least)


def _tally(policy: str, text: str, votes: str) -> list[Entry]:
    """A share of so many votes, as one row that says of how many it is, and how many of them saw a violation."""
    found = share(text)
    if found is None:
        return []
    try:
        count = int(float(votes))
    except (ValueError, OverflowError):
        raise BadLineError("unclear_votes", f"{shorten(votes)[:40]!r} is no number of votes") from None
    if not 0 <= count <= MOST_VOTES:
        raise BadLineError("unclear_votes", f"{count} votes; 0 to {MOST_VOTES:,} are counted")
    if not count:
        return []
    violating = round(found * count)
    return [{"policy": policy, "violates": 2 * violating >= count, "votes": count, "violating": violating}]


def categorised(text: str, form: Categories, own: Mapping[str, str], names: Mapping[str, str]) -> list[Entry]:
    """What a cell says that names policies, or that none is violated; raises BadLineError."""
    named = [_named(word, own, names) for word in split(text, form.separator, own, names)]
    if not named and text.strip()[:1] not in {"[", "{"}:
        return []
    return _said([name for name in named if name], form, denied=not named or "" in named)


def _said(violated: Sequence[str], form: Categories, *, denied: bool) -> list[Entry]:
    if denied and not violated and not form.policies:
        raise BadLineError(
            "unclear_label", "it says that none is violated, and the map not of which policies"
        )
    others = form.policies if (denied and not violated) or form.others == "no" else ()
    return [
        *({"policy": policy, "violates": True} for policy in dict.fromkeys(violated)),
        *({"policy": policy, "violates": False} for policy in others if policy not in violated),
    ]


def split(text: str, separator: str, own: Mapping[str, str], names: Mapping[str, str]) -> list[str]:
    """The words of a cell: a JSON list's, or those between separators; none for a blank."""
    if bare(text) in NOTHING:
        return []
    if text.strip()[:1] in {"[", "{"}:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise BadLineError("unclear_label", f"{shorten(text)[:40]!r} is no JSON list") from None
        return [str(each) for each in _within(value, ("choices",) if isinstance(value, dict) else ())]
    known = bare(text) in own or simple(text) in names
    signs = (separator,) if separator else () if known else SEPARATORS
    sign = next((sign for sign in signs if sign in text), None)
    return [word for word in text.split(sign) if word.strip()] if sign else [text]


def _named(word: str, own: Mapping[str, str], names: Mapping[str, str]) -> str:
    """The policy that a word stands for, empty for none; raises BadLineError."""
    meant = own.get(bare(word))
    if meant == "no" or (meant is None and bare(word) in NONE_OF_THEM):
        return ""
    found = names.get(meant or simple(word))
    if found is None:
        advice = "say what it means with --word WORD=POLICY, or =no where none is violated"
        raise BadLineError("unknown_category", f"{shorten(word.strip())[:40]!r} is no policy; {advice}")
    return found


def _one_by_one(given: Map, column: Column, own: Mapping[str, str], names: Mapping[str, str]) -> Coded:
    """A row for each judgement: one column names the policy, another what was found."""
    verdicts = column(given.columns["violates"])
    if "policy" in given.columns:
        policies = column(given.columns["policy"])
    else:
        policies = pa.repeat(given.constants.get("policy", ""), len(verdicts))

    def read(policy: str, verdict: str) -> list[Entry]:
        violates = meaning(verdict, own)
        if not policy.strip():
            raise BadLineError("unknown_policy", "no policy is named; map its column, or --set policy=KEY")
        return _verdict(names.get(simple(policy), policy.strip()), violates)

    return _coded([policies, verdicts], read, given.columns["violates"])


def _detail(name: str, own: Mapping[str, str]) -> Callable[[str], list[Entry]]:
    def read(text: str) -> list[Entry]:
        if not text.strip():
            return []
        return [{name: bool(meaning(text, own)) if name == "withdrawn" else text.strip()}]

    return read


def _listed(
    text: str, form: Judges, of: Categories, own: Mapping[str, str], names: Mapping[str, str]
) -> list[Entry]:
    """The entries of a JSON list of judgements; raises BadLineError."""
    if bare(text) in NOTHING:
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadLineError("unclear_label", f"{shorten(text)[:40]!r} is no JSON list of judgements")
    return [entry for each in value for entry in _entries(each, form, of, own, names)]


def _entries(
    each: Entry, form: Judges, of: Categories, own: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[Entry]:
    withdrawn = bool(meaning(_text(_at(each, form.withdrawn)), own))
    if form.categories:
        words = [str(word) for word in _within(each, tuple(form.categories.split(".")))]
        violated = [name for name in (_named(word, own, names) for word in words) if name]
        said = [] if withdrawn and not violated else _said(violated, of, denied=not violated)
    else:
        policy = _text(_at(each, form.policy)).strip()
        violates = meaning(_text(_at(each, form.violates)), own)
        said = _verdict(names.get(simple(policy), policy), violates)
    more = {"moderator_id": _text(_at(each, form.moderator_id))}
    if when := _text(_at(each, form.decided_at)):
        more["decided_at"] = when
    for entry in said:
        yield {**entry, **more, **({"withdrawn": True} if withdrawn else {})}


def _at(value: object, path: str) -> object:
    found = next(iter(_within(value, tuple(path.split(".")))), None)
    return found.get("id", found.get("email")) if isinstance(found, dict) else found


def _within(value: object, path: tuple[str, ...]) -> list[Any]:
    """What lies at a path, through lists, in the order of the document."""
    if isinstance(value, list):
        return [found for each in value for found in _within(each, path)]
    if not path:
        return [] if value is None else [value]
    return _within(value.get(path[0]), path[1:]) if isinstance(value, dict) else []


def _text(value: object) -> str:
    return "" if value is None else str(value)
