"""Which market and language codes exist: ISO 3166-1 alpha-2, and BCP 47 with an ISO 639 primary subtag."""

from __future__ import annotations

import re
from functools import cache

import pycountry

from models.content import UNKNOWN_LANGUAGE, UNKNOWN_MARKET

TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@cache
def is_market(code: str) -> bool:
    return code == UNKNOWN_MARKET or (code.isupper() and pycountry.countries.get(alpha_2=code) is not None)


@cache
def is_language(tag: str) -> bool:
    if tag == UNKNOWN_LANGUAGE:
        return True
    if not TAG.fullmatch(tag):
        return False
    primary = tag.partition("-")[0]
    kind = "alpha_2" if len(primary) == len("en") else "alpha_3"
    return pycountry.languages.get(**{kind: primary}) is not None
