"""Ids of posts and of authors, alike from a file and from a request."""

from __future__ import annotations

import re
import unicodedata

from infra.forms.form_error import FormError

SMALLEST, LARGEST = -(2**63), 2**64 - 1  # hashes that are kept as signed numbers are ids, too
MAX_ID_CHARACTERS = 200  # characters
# As spreadsheets, pandas and JSON write a float. 12345e67 is none: without a sign in its exponent a float has one
# digit before it, and so hexadecimal ids pass.
FLOAT = re.compile(r"[+-]?(\d+\.0*|\.\d+|\d*\.?\d+[eE][+-]\d+|\d(\.\d*)?[eE]\d{1,3}|\d*\.\d+[eE]\d+)")
NO_VALUE = frozenset({"true", "false", "nan", "inf", "-inf", "none", "null", "undefined"})
UNSEEN = {
    "Cc",
    "Cs",
    "Zl",
    "Zp",
}  # control characters, halves of surrogate pairs, line and paragraph separators


def post_id(value: object) -> str:
    """The id as every table holds it: digits of a whole number, else its text, stripped, in NFC. Raises FormError.

    What went through a float is refused: its last digits are gone, so that another post may have the same.
    """
    return _id(value, "invalid_post_id")


def author_id(value: object) -> str:
    """The id of an author, by the rules of a post's. Raises FormError."""
    return _id(value, "invalid_author_id")


def _id(value: object, key: str) -> str:
    try:
        return _checked(value)
    except ValueError as error:
        raise FormError(key, str(error)) from None


def _checked(value: object) -> str:
    if isinstance(value, str):
        text = value.strip()
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        _check(text)
        return text
    if isinstance(value, int) and not isinstance(value, bool):
        if not SMALLEST <= value <= LARGEST:
            raise ValueError("a whole number below -2^63 or above 2^64-1; give it as text")
        return str(value)
    shown = repr(value)[:60]
    told = "went through a float and has lost digits; export ids as text"
    raise ValueError(
        f"{shown} {told if isinstance(value, float) else 'is no id; give a text or a whole number'}"
    )


def _check(text: str) -> None:
    shown = ascii(text[:60])
    if not text:
        raise ValueError("an empty id; leave it out, or give one")
    if len(text) > MAX_ID_CHARACTERS:
        raise ValueError(f"{len(text)} characters, at most {MAX_ID_CHARACTERS}")
    if FLOAT.fullmatch(text):
        raise ValueError(f"{shown} went through a float and has lost digits; export ids as text")
    if text.lower() in NO_VALUE or text[0] in "{[":
        raise ValueError(f"{shown} is no id; give a text or a whole number")
    if not text.isprintable() and any(unicodedata.category(sign) in UNSEEN for sign in text):
        raise ValueError(f"{shown} holds control characters")
