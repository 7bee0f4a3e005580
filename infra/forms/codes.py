"""Market and language codes, folded to one spelling: ISO 3166-1 alpha-2, and BCP 47 with an ISO 639 primary subtag."""

from __future__ import annotations

import re
from functools import cache

import pycountry

from infra.forms.form_error import FormError
from models.content import UNKNOWN_LANGUAGE, UNKNOWN_MARKET

MARKETS = {"UK": "GB", "EL": "GR"}  # other names that the EU and exports have for a country
LANGUAGES = {
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
}  # withdrawn codes, and what took their place
TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@cache
def market(given: str) -> str:
    """The alpha-2 code of a market, unknown for a blank; raises FormError for what is none."""
    code = given.strip().upper()
    code = MARKETS.get(code, code)
    if code in {"", UNKNOWN_MARKET}:
        return UNKNOWN_MARKET
    countries = pycountry.countries
    found = countries.get(alpha_3=code) if len(code) == len("DEU") else countries.get(alpha_2=code)
    if found is None:
        raise FormError("unknown_market", f"{given!r} is no ISO 3166-1 alpha-2 code; ZZ stands for unknown")
    return str(found.alpha_2)


@cache
def language(given: str) -> str:
    """The BCP 47 tag of a language; what is none is unknown, for a post is not lost over it."""
    tag = given.strip().replace("_", "-")
    if not TAG.fullmatch(tag):
        return UNKNOWN_LANGUAGE
    primary, *rest = tag.split("-")
    found = pycountry.languages.get(
        **{f"alpha_{len(primary)}": LANGUAGES.get(primary.lower(), primary.lower())}
    )
    if found is None:
        return UNKNOWN_LANGUAGE
    return "-".join([getattr(found, "alpha_2", found.alpha_3), *map(_cased, rest)])


def _cased(subtag: str) -> str:
    """As BCP 47 recommends: scripts with a capital, regions in capitals, the rest in small letters."""
    if subtag.isalpha() and len(subtag) == len("Hant"):
        return subtag.title()
    return subtag.upper() if subtag.isalpha() and len(subtag) == len("TW") else subtag.lower()
