"""What differs between two policy sets, field by field, in the words of their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.domain.policy import Objectives, Policy, PolicySet

Fields = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A place, as in objectives.DE.precision.remove, and what stands there; None where nothing does."""

    place: str
    before: Any
    after: Any


def differences(before: PolicySet, after: PolicySet) -> list[Difference]:
    """In the order of the sets; a set's name is no difference, for it is its file's."""
    return [
        *_compared("", {"title": before.title}, {"title": after.title}),
        *_of_tables("policies", _policies(before), _policies(after)),
        *_of_tables("objectives", _objectives(before), _objectives(after)),
    ]


def _policies(policy_set: PolicySet) -> dict[str, Fields]:
    return {policy.key: _policy(policy) for policy in policy_set.policies}


def _policy(policy: Policy) -> Fields:
    return {name: value for name, value in policy.model_dump(mode="json").items() if name != "key"}


def _objectives(policy_set: PolicySet) -> dict[str, Fields]:
    return {market: _flat(objectives) for market, objectives in policy_set.objectives.items()}


def _flat(objectives: Objectives) -> Fields:
    fields = objectives.model_dump(mode="json")
    precision = {f"precision.{action}": at for action, at in fields.pop("precision").items()}
    return precision | fields


def _of_tables(name: str, before: dict[str, Fields], after: dict[str, Fields]) -> Iterator[Difference]:
    for key in dict.fromkeys((*before, *after)):
        place = f"{name}.{key}"
        if key not in after or key not in before:
            yield Difference(place, _there(before.get(key)), _there(after.get(key)))
        else:
            yield from _compared(f"{place}.", before[key], after[key])


def _there(fields: Fields | None) -> str | None:
    """A whole table in a word or a line: its title, or its numbers."""
    if fields is None:
        return None
    return str(fields.get("title") or ", ".join(f"{name} {value}" for name, value in fields.items()))


def _compared(place: str, before: Fields, after: Fields) -> Iterator[Difference]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Difference(f"{place}{name}", before.get(name), after.get(name))
