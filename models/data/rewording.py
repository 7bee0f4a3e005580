"""Texts reworded for training: another group of people in the place of one that is named, and harmless ones denied.

What is said of a group is judged whichever group it is (counterfactual token fairness; Garg et al., 2019, arXiv
1809.10610), so that a label stays where names are swapped. A text that violates nothing violates nothing either when it
says the opposite; what becomes of one that violates nobody can say without a judge, and it is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from models.data.word_lists import WORD_LISTS, WordList


class Rewording:
    """Swaps by lists of words."""

    def __init__(self, lists: Iterable[WordList]) -> None:
        lists = list(lists)
        self._alike: dict[str, tuple[str, ...]] = {
            name.lower(): names for words in lists for names in words.groups.values() for name in names
        }
        said = {plain.lower(): denied.lower() for words in lists for plain, denied in words.negations.items()}
        self._denied, self._said = said, {denied: plain for plain, denied in said.items()}
        self._names, self._either = _any_of(self._alike), _any_of([*self._said, *said])
        self._denials = _any_of(self._said)

    @classmethod
    def shipped(cls) -> Rewording:
        """By all lists that there are, the project's among them."""
        return cls(WORD_LISTS)

    def swapped(self, text: str, rng: np.random.Generator) -> str:
        """Each group that is named as any of its list, one name always as the same; over many texts all are alike."""
        drawn: dict[str, str] = {}

        def other(found: re.Match[str]) -> str:
            name = found[0].lower()
            if name not in drawn:
                # a dotless or a long letter matches one that is not its small form
                names = self._alike.get(name, (found[0],))
                drawn[name] = names[rng.integers(len(names))]
            return _cased(drawn[name], found[0])

        return self._names.sub(other, text)

    def denied(self, text: str, rng: np.random.Generator) -> str:
        """The opposite, roughly: without its denials where it has any, else one of its verbs denied."""
        if self._denials.search(text):
            return self._denials.sub(lambda found: _opposite(self._said, found[0]), text)
        verbs = [*self._either.finditer(text)]
        if not verbs:
            return text
        verb = verbs[rng.integers(len(verbs))]
        return f"{text[: verb.start()]}{_opposite(self._denied, verb[0])}{text[verb.end() :]}"


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first)) or '(?!)'})\b", re.IGNORECASE)


def _opposite(opposites: dict[str, str], found: str) -> str:
    return _cased(opposites.get(found.lower(), found), found)


def _cased(word: str, like: str) -> str:
    """In capitals, or with a first one, as what it stands for."""
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word[0].upper() + word[1:] if like[0].isupper() else word
