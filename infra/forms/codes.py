"""Market and language codes, folded to one spelling: ISO 3166-1 alpha-2, and BCP 47 with an ISO 639 primary subtag."""

from __future__ import annotations

import re
from functools import lru_cache

import pycountry

from infra.forms.form_error import FormError
from models.domain import markets
from models.domain.content import UNKNOWN_LANGUAGE

LANGUAGES = {
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
}  # withdrawn codes, and what took their place
TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
CACHED_SPELLINGS = 4096  # spellings remembered; requests may bring any number


def market(given: str) -> str:
    """The alpha-2 code of a market, unknown for a blank; raises FormError for what is none."""
    try:
        return markets.market(given)
    except markets.UnknownMarketError as error:
        raise FormError("unknown_market", str(error)) from None


@lru_cache(CACHED_SPELLINGS)
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
