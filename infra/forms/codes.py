"""Market and language codes, folded to one spelling: ISO 3166-1 alpha-2, and BCP 47 with an ISO 639 primary subtag."""

from __future__ import annotations

import re
from functools import lru_cache

import pycountry

from infra.forms.form_error import FormError
from models.content import UNKNOWN_LANGUAGE, UNKNOWN_MARKET

MARKETS = {"UK": "GB", "EL": "GR"}  # other names that the EU and exports have for a country
UNOFFICIAL = {"XK": "XK", "XKX": "XK", "KOS": "XK"}  # Kosovo: no code of ISO's, and in use all the same
LANGUAGES = {
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
}  # withdrawn codes, and what took their place
TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
ALPHA_2, ALPHA_3, ALPHA_4 = map(len, ("DE", "DEU", "DDDE"))
KEPT = 4096  # spellings remembered; requests may bring any number


@lru_cache(KEPT)
def market(given: str) -> str:
    """The alpha-2 code of a market, unknown for a blank; raises FormError for what is none.

    A subdivision (US-CA) is its country, a country's withdrawn code (ZR) the one that took its place.
    """
    code = given.strip().upper().replace("_", "-")
    code = MARKETS.get(code, code)
    if code in {"", UNKNOWN_MARKET}:
        return UNKNOWN_MARKET
    found = UNOFFICIAL.get(code) or _country(code) or _country_of(code) or _successor(code)
    if found is None:
        raise FormError("unknown_market", f"{given[:60]!r} is no ISO 3166-1 alpha-2 code; {_hint(given)}")
    return found


def _country(code: str) -> str | None:
    if len(code) not in {ALPHA_2, ALPHA_3}:
        return None
    found = pycountry.countries.get(**{f"alpha_{len(code)}": code})
    return str(found.alpha_2) if found else None


def _country_of(code: str) -> str | None:
    found = pycountry.subdivisions.get(code=code)
    return str(found.country_code) if found else None


def _successor(code: str) -> str | None:
    """ISO 3166-3 names what became of a country by four letters: ZRCD; where it fell apart, the last two are none."""
    found = _withdrawn(code)
    return _country(found.alpha_4[ALPHA_2:]) if found else None


def _withdrawn(code: str) -> pycountry.db.Data | None:
    if len(code) not in {ALPHA_2, ALPHA_3}:
        return None
    return pycountry.historic_countries.get(**{f"alpha_{len(code)}": code})


def _hint(given: str) -> str:
    if found := _withdrawn(given.strip().upper()):
        return f"it was {found.name}'s until {found.withdrawal_date}"
    try:
        found = pycountry.countries.lookup(given.strip())
    except LookupError:
        return "ZZ stands for unknown"
    return f"{found.name}'s is {found.alpha_2}"


@lru_cache(KEPT)
def language(given: str) -> str:
    """The BCP 47 tag of a language; what is none is unknown, for a post is not lost over it.

    Extensions, private subtags and a locale's encoding say nothing of the language and are left out.
    """
    tag = re.split(r"[.@]", given.strip())[0].replace("_", "-")
    if not TAG.fullmatch(tag):
        return UNKNOWN_LANGUAGE
    primary, *rest = tag.split("-")
    found = pycountry.languages.get(
        **{f"alpha_{len(primary)}": LANGUAGES.get(primary.lower(), primary.lower())}
    )
    if found is None:
        return UNKNOWN_LANGUAGE
    single = next((place for place, subtag in enumerate(rest) if len(subtag) == 1), len(rest))
    return "-".join([getattr(found, "alpha_2", found.alpha_3), *map(_cased, rest[:single])])


def _cased(subtag: str) -> str:
    """As BCP 47 recommends: scripts with a capital, regions in capitals, the rest in small letters."""
    if subtag.isalpha() and len(subtag) == len("Hant"):
        return subtag.title()
    return subtag.upper() if subtag.isalpha() and len(subtag) == len("TW") else subtag.lower()
