"""Texts respelled as people do who do not want to be found, for training: the same words, other signs.

Spellings that draw the same letters are folded before a model reads (models.domain.folding) and need no copies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

Respell = Callable[[str, np.random.Generator], str]

HALF, OFTEN, MOSTLY, NOW_AND_THEN = 0.5, 0.7, 0.8, 0.3  # chances

_LEET = {
    "a": "4@", "b": "8", "c": "(", "e": "3", "g": "96", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7+", "z": "2",
}  # fmt: skip
_SIGNS = ".-_*/'~+"
_BETWEEN = ("\N{GRINNING FACE}", "\N{SPARKLES}", "*", "**", "_", "-", "|", "~", "\N{FIRE}")
_LETTERS, _VOWELS = re.compile(r"[^\W\d_]"), re.compile(r"[aeiouyаеиоуыэюя]", re.IGNORECASE)


def _spaced(text: str, rng: np.random.Generator) -> str:
    gap = "   " if rng.random() < HALF else " "
    return gap.join(" ".join(word) for word in text.split())


def _dotted(text: str, rng: np.random.Generator) -> str:
    sign = _SIGNS[rng.integers(len(_SIGNS))]
    gap = f"{sign} {sign}" if rng.random() < HALF else " "
    return gap.join(sign.join(word) for word in text.split())


def _reversed(text: str, rng: np.random.Generator) -> str:
    """All of it, or each word where it stands."""
    if rng.random() < OFTEN:
        return text[::-1]
    return " ".join(word[::-1] for word in text.split())


def _leet(text: str, rng: np.random.Generator) -> str:
    """Most letters that a digit or sign stands for; the same letter always by the same one."""
    table = {
        letter: signs[rng.integers(len(signs))] for letter, signs in _LEET.items() if rng.random() < MOSTLY
    }
    return "".join(table.get(letter, letter) for letter in text.lower())


def _drawn_out(text: str, rng: np.random.Generator) -> str:
    """Letters said twice or more often: vowels, or any now and then."""
    times = int(rng.integers(2, 4))
    if rng.random() < HALF:
        return _VOWELS.sub(lambda letter: letter[0] * times, text)
    return _LETTERS.sub(lambda letter: letter[0] * (times if rng.random() < NOW_AND_THEN else 1), text)


def _decorated(text: str, rng: np.random.Generator) -> str:
    """Signs in place of spaces, or around words."""
    sign = _BETWEEN[rng.integers(len(_BETWEEN))]
    words = text.split()
    return sign.join(words) if rng.random() < HALF else " ".join(f"{sign}{word}{sign}" for word in words)


def _shouted(text: str, rng: np.random.Generator) -> str:
    """In capitals, or every letter as it falls."""
    if rng.random() < HALF:
        return text.upper()
    return "".join(letter.upper() if rng.random() < HALF else letter.lower() for letter in text)


SPELLINGS: dict[str, Respell] = {
    "spaced": _spaced,
    "dotted": _dotted,
    "reversed": _reversed,
    "leet": _leet,
    "drawn_out": _drawn_out,
    "decorated": _decorated,
    "shouted": _shouted,
}


def respelled(text: str, rng: np.random.Generator) -> str:
    """The text in one of SPELLINGS: all of it, or about half of its words."""
    respell = list(SPELLINGS.values())[rng.integers(len(SPELLINGS))]
    if rng.random() < HALF:
        return respell(text, rng)
    return " ".join(respell(word, rng) if rng.random() < HALF else word for word in text.split())


def some_respelled(texts: Sequence[str | None], share: float, rng: np.random.Generator) -> list[str | None]:
    """The texts, about such a share of them respelled."""
    chosen = rng.random(len(texts)) < share
    return [
        respelled(text, rng) if text and drawn else text for text, drawn in zip(texts, chosen, strict=True)
    ]
