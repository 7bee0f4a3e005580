"""What a perturbation is, and the family that it is of: a family is learned from or tested by, never both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

Rewrite = Callable[[str, np.random.Generator], str]

HALF, OFTEN, MOSTLY = 0.5, 0.7, 0.8  # chances


class Family(StrEnum):
    """What is done to a text. Two of one family differ in signs and numbers, those of two families in kind."""

    SPELT = "letters apart from each other"
    LEET = "digits and signs for letters"
    BACKWARDS = "letters from the last to the first"
    DRAWN_OUT = "letters said several times"
    DECORATED = "signs about words, or between them"
    SHOUTED = "capitals"
    INVISIBLE = "signs that draw nothing"
    ALIKE = "letters that look like others"
    MARKED = "marks on letters"
    TYPING = "slips of the hand"
    OMITTED = "letters left out or hidden"
    SPLIT = "words cut, or put together"
    SOUND = "words written as they sound"
    ENCODED = "letters written by another code"


TRAINED = frozenset(
    {Family.SPELT, Family.LEET, Family.BACKWARDS, Family.DRAWN_OUT, Family.DECORATED, Family.SHOUTED}
)


@dataclass(frozen=True)
class Perturbation:
    """One way to respell a text. The same generator gives the same text; an empty text stays without letters.

    readable: whether a person still reads it at once; what is not readable shows where recall may end.
    """

    name: str
    about: str
    family: Family
    rewrite: Rewrite
    readable: bool = True

    @property
    def held_out(self) -> bool:
        """Whether no training sees it, so that a model's recall on it says how it does on what it has not met."""
        return self.family not in TRAINED

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        return self.rewrite(text, rng)


def each_word(rewrite: Rewrite, *, least: int = 1) -> Rewrite:
    """Rewrites the words of a text alone, those of at least so many characters; the space between them stays one."""
    return lambda text, rng: " ".join(
        rewrite(word, rng) if len(word) >= least else word for word in text.split()
    )


def by_table(letters: str, others: str) -> Rewrite:
    """Each of the letters, in small or capital, as the sign at its place; what is no such letter stays."""
    table = str.maketrans(letters, others)
    capitals = {ord(letter.upper()): table[ord(letter)] for letter in letters if letter.upper() != letter}
    return lambda text, _: text.translate({**capitals, **table})


def between(*signs: str) -> Rewrite:
    """One of the signs, drawn for each text, between all of its characters but for space."""

    def rewrite(text: str, rng: np.random.Generator) -> str:
        sign = signs[rng.integers(len(signs))]
        return " ".join(sign.join(word) for word in text.split())

    return rewrite


def inside(word: str) -> tuple[int, int]:
    """Where the letters of a word lie behind its first and before its last, half open."""
    places = [place for place, sign in enumerate(word) if sign.isalpha()]
    return (places[0] + 1, places[-1]) if len(places) > 1 else (0, 0)
