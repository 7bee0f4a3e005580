"""Objectives changed by a word: `DE.remove=0.98`, `default.review_share=0.05`; for trying, no file is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from models.domain.errors import UserError
from models.domain.located import nearest
from models.domain.markets import UnknownMarketError, market
from models.domain.policy import DEFAULT_MARKET, PolicySet
from models.domain.policy_file import AUTOMATIC, RANGES

FIELDS = (*map(str, AUTOMATIC), "review_share", "minimum_judgements")


class ChangeError(UserError):
    """A change of objectives that cannot be."""


def changed(policy_set: PolicySet, changes: Sequence[str]) -> PolicySet:
    """A set with other objectives. A market without its own begins from those of `default`. Raises ChangeError."""
    values = policy_set.model_dump(mode="json")
    for change in changes:
        code, field, value = _read(change)
        own = values["objectives"].setdefault(code, dict(values["objectives"][DEFAULT_MARKET]))
        if field in AUTOMATIC:
            own["precision"] = own["precision"] | {field: value}
        else:
            own[field] = value
        try:
            PolicySet.model_validate(values)
        except ValidationError:
            topic = "precision" if field in AUTOMATIC else field
            raise ChangeError(f"{change!r} cannot be: {RANGES[topic]}") from None
    return PolicySet.model_validate(values)


def _read(change: str) -> tuple[str, str, Any]:
    place, equals, value = change.partition("=")
    given, dot, field = place.strip().partition(".")
    if not (equals and dot):
        raise ChangeError(f"{change!r} is no change; write MARKET.FIELD=VALUE, as in DE.remove=0.98")
    if field not in FIELDS:
        raise ChangeError(f"{change!r}: {field!r} is no objective: {nearest(field, FIELDS)}")
    if given.lower() == DEFAULT_MARKET:
        return DEFAULT_MARKET, field, value.strip()
    try:
        return market(given), field, value.strip()
    except UnknownMarketError as error:
        raise ChangeError(f"{change!r}: {error}; {DEFAULT_MARKET} stands for all other markets") from None
