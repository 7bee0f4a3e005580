"""What people write for yes and no. What may be meant either way is refused, never guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping

from infra.ingest.reject import BadLineError, shorten

YES = frozenset({
    "1", "true", "t", "yes", "y", "wahr", "ja", "j", "oui", "vrai", "si", "sí", "sim", "verdadero", "verdadeiro",
    "vero", "tak", "да", "はい", "是", "x", "✓", "violating", "violates", "violation", "violated",
})  # fmt: skip
NO = frozenset({
    "0", "false", "f", "no", "n", "falsch", "nein", "non", "faux", "não", "nao", "falso", "nie", "нет", "いいえ", "否",
    "ok", "okay", "compliant", "clean", "non-violating", "nonviolating", "not violating", "does not violate",
    "no violation",
})  # fmt: skip
NOTHING = frozenset({"", "null", "nan", "n/a", "na", "#n/a", "#nv", "-", "unknown", "unbekannt", "skipped"})
NONE_OF_THEM = NO | {"none", "neither", "nothing", "keine", "keins", "normal"}  # of a column of categories
SEPARATORS = (";", "|", ",")


def bare(text: str) -> str:
    return text.strip().casefold()


def meaning(text: str, own: Mapping[str, str]) -> bool | None:
    """Whether a word says yes or no, None where it says nothing; raises BadLineError for any other."""
    word = bare(text)
    meant = own.get(word)
    if meant in {"yes", "no"}:
        return meant == "yes"
    if meant == "unknown" or (meant is None and word in NOTHING):
        return None
    if meant is None and (word in YES or word in NO):
        return word in YES
    if (number := fraction(word)) in {0.0, 1.0}:
        return number == 1
    raise BadLineError("unclear_label", f"{_shown(text)}; {_advice(number)}")


def fraction(text: str) -> float | None:
    """A number from 0 to 1, with a point or a comma, or as a percentage; None for any other text."""
    word = bare(text)
    percent = word.endswith("%")
    try:
        number = float(word.removesuffix("%").strip().replace(",", "."))
    except ValueError:
        return None
    number = number / 100 if percent else number
    return number if math.isfinite(number) and 0 <= number <= 1 else None


def share(text: str) -> float | None:
    """The fraction of a cell, 1 and 0 for the words of yes and no, None where it says nothing; raises BadLineError."""
    if bare(text) in NOTHING:
        return None
    number = fraction(text)
    if number is not None:
        return number
    try:
        return float(bool(meaning(text, {})))
    except BadLineError:
        raise BadLineError("unclear_label", f"{_shown(text)} is no fraction from 0 to 1") from None


def _advice(number: float | None) -> str:
    if number is not None:
        return "a fraction; map it as COLUMN>=0.5, or COLUMN/10 for a share of ten votes"
    return "say what it means with --word WORD=yes, =no or =unknown"


def _shown(text: str) -> str:
    return repr(shorten(text.strip())[:40])
