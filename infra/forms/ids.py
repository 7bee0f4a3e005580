"""Ids of posts, alike from a file and from a request."""

from __future__ import annotations

import re
import unicodedata

from infra.forms.form_error import FormError

LARGEST = 2**64 - 1
LONGEST = 200  # characters
FLOAT = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?")
NO_VALUE = frozenset({"true", "false", "nan", "inf", "-inf", "none", "null", "undefined"})
KEY = "invalid_post_id"


def post_id(value: object) -> str:
    """The id as every table holds it: digits of a whole number, else its text, stripped, in NFC. Raises FormError.

    What went through a float is refused: its last digits are gone, so that another post may have the same.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FormError(KEY, f"{value!r} is no id; give a text or a whole number")
    if isinstance(value, int):
        if not 0 <= value <= LARGEST:
            raise FormError(KEY, f"{value} is outside of 0 to 2^64-1; give it as text")
        return str(value)
    text = unicodedata.normalize("NFC", value.strip())
    _check(text)
    return text


def _check(text: str) -> None:
    shown = ascii(text[:60])
    if not text:
        raise FormError(KEY, "an empty id; leave it out, or give one")
    if len(text) > LONGEST:
        raise FormError(KEY, f"{len(text)} characters, at most {LONGEST}")
    if FLOAT.fullmatch(text):
        raise FormError(KEY, f"{shown} went through a float and has lost digits; export ids as text")
    if text.lower() in NO_VALUE or text[0] in "{[":
        raise FormError(KEY, f"{shown} is no id; give a text or a whole number")
    if any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in text):
        raise FormError(KEY, f"{shown} holds control characters")
