"""Market codes, folded to one spelling: ISO 3166-1 alpha-2. infra.forms and policy files both fold by this."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pycountry

from models.domain.content import UNKNOWN_MARKET
from models.domain.errors import UserError

MARKETS = {"UK": "GB", "EL": "GR"}  # other names that the EU and exports have for a country
UNOFFICIAL = {"XK": "XK", "XKX": "XK", "KOS": "XK"}  # Kosovo: no code of ISO's, and in use all the same
ALPHA_2, ALPHA_3, ALPHA_4 = map(len, ("DE", "DEU", "DDDE"))
CACHED_SPELLINGS = 4096  # spellings remembered; requests may bring any number


class UnknownMarketError(UserError):
    """What is no market; the message says the value and what may be meant."""


@lru_cache(CACHED_SPELLINGS)
def market(given: str) -> str:
    """The alpha-2 code of a market, unknown for a blank; raises UnknownMarketError for what is none.

    A subdivision (US-CA) is its country, a country's withdrawn code (ZR) the one that took its place.
    """
    code = given.strip().upper().replace("_", "-")
    code = MARKETS.get(code, code)
    if code in {"", UNKNOWN_MARKET}:
        return UNKNOWN_MARKET
    found = UNOFFICIAL.get(code) or _country(code) or _country_of(code) or _successor(code)
    if found is None:
        raise UnknownMarketError(f"{given[:60]!r} is no ISO 3166-1 alpha-2 code; {_hint(given)}")
    return found


def _country(code: str) -> str | None:
    if len(code) not in {ALPHA_2, ALPHA_3}:
        return None
    countries = pycountry.countries
    found = countries.get(alpha_2=code) if len(code) == ALPHA_2 else countries.get(alpha_3=code)
    return str(found.alpha_2) if found else None


def _country_of(code: str) -> str | None:
    found: Any = pycountry.subdivisions.get(code=code)  # type: ignore[no-untyped-call]
    return str(found.country_code) if found else None


def _successor(code: str) -> str | None:
    """ISO 3166-3 names what became of a country by four letters: ZRCD; where it fell apart, the last two are none."""
    found = _withdrawn(code)
    return _country(found.alpha_4[ALPHA_2:]) if found else None


def _withdrawn(code: str) -> Any:
    if len(code) not in {ALPHA_2, ALPHA_3}:
        return None
    withdrawn = pycountry.historic_countries
    return withdrawn.get(alpha_2=code) if len(code) == ALPHA_2 else withdrawn.get(alpha_3=code)


def _hint(given: str) -> str:
    if found := _withdrawn(given.strip().upper()):
        return f"it was {found.name}'s until {found.withdrawal_date}"
    try:
        found = pycountry.countries.lookup(given.strip())
    except LookupError:
        return "ZZ stands for unknown"
    return f"{found.name}'s is {found.alpha_2}"
