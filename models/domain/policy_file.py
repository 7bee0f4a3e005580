"""Policy sets as policy specialists write them: TOML or YAML, every fault with its line and what to do about it.

`[policies.KEY]` says what a policy forbids, `[objectives.MARKET]` what a market asks of the model. The set's name is
the file's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from models.domain.content import Action
from models.domain.located import TOML, YAML, Document, Place, WrittenError, nearest, read_document
from models.domain.markets import UnknownMarketError, market
from models.domain.policy import DEFAULT_MARKET, Objectives, Policy, PolicySet

SUFFIXES = (*TOML, *YAML)
AUTOMATIC = (Action.LIMIT, Action.AGE_GATE, Action.REMOVE)  # what a model may do without a person
KEYS = ("title", "policies", "objectives", "name")
EXAMPLES = {
    "title": 'title = "Community guidelines"',
    "policies": "a table for each policy: [policies.hate_speech]",
    "objectives": f"a table for each market, and one for the others: [objectives.{DEFAULT_MARKET}]",
    "definition": "what the policy forbids and what it allows, in one to three sentences",
    "severity": "1 for a nuisance to 5 for danger to life",
    "violating": 'examples that violate: violating = ["...", "..."]',
    "compliant": 'examples that come close and do not: compliant = ["...", "..."]',
    "precision": "the least precision of each automatic action: precision = { limit = 0.8, remove = 0.95 }",
    "review_share": "the share of the market's posts that people can review: review_share = 0.03",
    "minimum_judgements": "judged violations that a threshold needs: minimum_judgements = 20",
}
RANGES = {
    "severity": "a severity goes from 1, a nuisance, to 5, danger to life",
    "precision": "a precision is a share from 0 to 1: 95 % is 0.95",
    "review_share": "a share of the market's posts goes from 0 to 1: 3 % is 0.03",
    "minimum_judgements": "take a whole number from 1 on",
}


def read_policy_set(path: Path) -> PolicySet:
    """Raises WrittenError, which lists every fault."""
    document = read_document(path)
    values, places, faults = _as_fields(document, path.stem)
    try:
        made = PolicySet.model_validate(values)
    except ValidationError as error:
        told = (
            _told(document, mistake, places) for mistake in error.errors() if not _follows(mistake, faults)
        )
        faults += dict.fromkeys(told)
        faults = faults or [f"{document.at(())}: {error}"]
    if faults:
        raise WrittenError(*sorted(dict.fromkeys(faults), key=_line))
    return made


def _line(fault: str) -> int:
    number = fault.split(":", 2)[1]
    return int(number) if number.isdigit() else 0


def _follows(mistake: ErrorDetails, faults: list[str]) -> bool:
    """Whether it is only said because of another fault: a list is too short for pydantic where its items are wrong."""
    if mistake["type"] == "too_short" and (mistake["input"] or mistake["loc"] != ("policies",)):
        return bool(mistake["input"])
    return bool(faults) and len(mistake["loc"]) < 2 and mistake["type"] in {"value_error", "too_short"}  # noqa: PLR2004


def _as_fields(document: Document, name: str) -> tuple[dict[str, Any], dict[int, str], list[str]]:
    """The fields of a PolicySet, the key of each policy by its number, and what is wrong with the tables."""
    faults: list[str] = []

    def wrong(place: Place, why: str) -> None:
        faults.append(f"{document.at(place)}: {why}")

    values = dict(document.values)
    for key in values.keys() - set(KEYS):
        wrong((key,), f"{key!r} says nothing here: {nearest(key, KEYS[:3])}")
        del values[key]
    if values.setdefault("name", name) != name:
        wrong(("name",), f"the set's name is its file's, {name!r}; take the line out, or rename the file")
    _no_flags(values, (), wrong)
    policies = _table(values, "policies", wrong)
    values["policies"] = [
        {**_unfolded(entry), "key": key} for key, entry in policies.items() if isinstance(entry, dict)
    ]
    for key, entry in policies.items():
        if not isinstance(entry, dict):
            wrong(("policies", key), f"{key!r} is no table; write [policies.{key}] above its lines")
        elif "key" in entry:
            wrong(
                ("policies", key, "key"), f"the key is in the heading, [policies.{key}]; take this line out"
            )
    values["objectives"] = _by_market(_table(values, "objectives", wrong), wrong)
    return values, dict(enumerate(key for key, entry in policies.items() if isinstance(entry, dict))), faults


def _unfolded(entry: dict[str, Any]) -> dict[str, Any]:
    """A policy whose texts may be broken over lines in the file."""
    return {
        name: " ".join(value.split()) if name in {"title", "definition"} and isinstance(value, str) else value
        for name, value in entry.items()
    }


def _table(values: Mapping[str, Any], name: str, wrong: Callable[[Place, str], None]) -> dict[str, Any]:
    found = values.get(name)
    if isinstance(found, dict):
        return found
    wrong((name,), f"{'no' if found is None else 'a wrong'} {name!r}: {EXAMPLES[name]}")
    return {}


def _by_market(objectives: dict[str, Any], wrong: Callable[[Place, str], None]) -> dict[str, Any]:
    """Objectives by the alpha-2 code of their market."""
    found: dict[str, Any] = {}
    spelt: dict[str, str] = {}
    for given, entry in objectives.items():
        try:
            code = DEFAULT_MARKET if given.strip().lower() == DEFAULT_MARKET else market(given)
        except UnknownMarketError as error:
            wrong(("objectives", given), f"{error}; {DEFAULT_MARKET} stands for every market without its own")
            continue
        if code in spelt:
            wrong(
                ("objectives", given), f"{given} and {spelt[code]} are one market, {code}; keep one of them"
            )
        precision = entry.get("precision") if isinstance(entry, dict) else None
        for action in precision if isinstance(precision, dict) else ():
            _may_be_automatic(("objectives", given, "precision", action), action, wrong)
        spelt[code], found[code] = given, _known_actions(entry)
    return found


def _known_actions(entry: Any) -> Any:
    """Objectives without the actions that are told as unknown already."""
    if not isinstance(entry, dict) or not isinstance(entry.get("precision"), dict):
        return entry
    return entry | {
        "precision": {name: at for name, at in entry["precision"].items() if name in {*AUTOMATIC}}
    }


def _may_be_automatic(place: Place, action: str, wrong: Callable[[Place, str], None]) -> None:
    if action == Action.REVIEW:
        wrong(
            place,
            "people review, so that it has no precision: review_share says how many posts they can take",
        )
    elif action == Action.ALLOW:
        wrong(place, "what no policy asks an action for is allowed; take this out")
    elif action not in AUTOMATIC:
        wrong(place, f"no action is called {action!r}: {nearest(action, AUTOMATIC)}")


def _no_flags(value: Any, place: Place, wrong: Callable[[Place, str], None]) -> None:
    """TOML's true would be taken for the number 1."""
    if isinstance(value, bool):
        wrong(place, f"{place[-1]} is {str(value).lower()}; write a number or a text in quotes")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        _no_flags(item, (*place, key), wrong)


def _told(document: Document, mistake: ErrorDetails, policies: Mapping[int, str]) -> str:
    """A mistake that pydantic found, where it stands in the file, in the words of who wrote it."""
    loc = [part for part in mistake["loc"] if part != "[key]"]
    if loc[:1] == ["policies"] and len(loc) > 1:
        loc[1] = policies[int(loc[1])]
    if loc[:1] == ["objectives"] and len(loc) > 1:
        loc[1] = _as_spelt(document, str(loc[1]))
    place = tuple(loc)
    field = str(place[-1]) if place else ""
    whose = f"{place[1]}: " if len(place) > 2 else ""  # noqa: PLR2004 - its table, its key and the field
    return f"{document.at(place)}: {whose}{_remedy(mistake, field, place)}"


def _as_spelt(document: Document, code: str) -> str:
    written = document.values.get("objectives", {})
    folded = (given for given in written if _code_of(given) == code)
    return code if code in written else next(folded, code)


def _code_of(given: str) -> str:
    try:
        return market(given)
    except UnknownMarketError:
        return ""


def _remedy(mistake: ErrorDetails, field: str, place: Place) -> str:
    """What to do about a mistake, by what pydantic calls it or by the field that it is in."""
    kind, given = mistake["type"], mistake["input"]
    topic = "precision" if "precision" in place else field
    fields = (Policy if place[:1] == ("policies",) else Objectives).model_fields
    choices = [name for name in fields if name != "key"]
    number = place[-1] + 1 if place and isinstance(place[-1], int) else 0
    why = mistake["msg"][:1].lower() + mistake["msg"][1:]
    told = {
        "too_short": f"{field} is empty: {EXAMPLES.get(field, 'it needs one at least')}",
        "missing": f"no {field!r}: {EXAMPLES.get(field, 'it is needed')}",
        "extra_forbidden": f"{field!r} says nothing here: {nearest(field, choices)}",
        "value_error": mistake["msg"].removeprefix("Value error, "),
        "string_pattern_mismatch": f"{given!r} is no key: small letters, digits and underlines, a letter first",
    }
    if number:
        return f"{place[-2]} has {given!r} in place {number}; write a text in quotes"
    if kind in told:
        return told[kind]
    if topic in RANGES:
        return f"{field} is {given!r}; {RANGES[topic]}"
    return f"{field} is {str(given)[:60]!r}: {why}; {EXAMPLES.get(field, 'see `moderato policies schema`')}"


def schema() -> dict[str, Any]:
    """A JSON schema of such files, by which editors complete and check them while they are written."""
    whole = PolicySet.model_json_schema()
    policy, objectives = whole["$defs"]["Policy"], whole["$defs"]["Objectives"]
    del policy["properties"]["key"]
    policy["required"].remove("key")
    objectives["properties"]["precision"] |= {
        "propertyNames": {"enum": [str(action) for action in AUTOMATIC]},
    }
    for name, field in (*policy["properties"].items(), *objectives["properties"].items()):
        field.setdefault("description", EXAMPLES.get(name, name))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A policy set of Moderato",
        "type": "object",
        "additionalProperties": False,
        "required": list(KEYS[:3]),
        "properties": {
            "title": {"type": "string", "minLength": 1, "description": "what people call the set"},
            "name": {"type": "string", "description": "the file's name, where it is said at all"},
            "policies": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
                "additionalProperties": policy,
                "description": "what is forbidden, by key",
            },
            "objectives": {
                "type": "object",
                "required": [DEFAULT_MARKET],
                "additionalProperties": objectives,
                "description": "what each market asks of the model, by its ISO 3166-1 code",
            },
        },
    }
