"""Words that training has met, and disguised ones read as those, as a person reads them who knows the language.

A word that is known stays as it is written, so that plain texts hardly change. One that is not is looked for among the
known ones by what people do to words: signs and digits for letters, letters said twice, left out, hidden, swapped or
slipped (one edit; Damerau, 1964), words backwards, cut or put together. Needs no torch.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple, Self

from models.domain.folding import folded, is_blank

MOST_WORDS, LEAST_TEXTS = 20_000, 2  # that are known, and texts that one stands in
LONGEST = 24  # letters of a word that is looked for
MOST_SIGNS = 300  # of what stands between blanks
MOST_CHARACTERS = 10_000  # of a text; what stands behind them is read as it is written
CACHED = 1 << 15  # words whose reading is remembered

# of scripts that write words apart, a letter for a sound
LETTERS = "A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u058f\u1e00-\u1eff"
_WORD = re.compile(rf"[{LETTERS}]+(?:['\u2019][{LETTERS}]+)*")
_SIGNS = re.compile(rf"[^{LETTERS}]+")
_BETWEEN = re.compile(rf"[^{LETTERS}\d]+")
_CORE = re.compile(rf"[{LETTERS}\d$@](?:.*[{LETTERS}\d$@])?", re.DOTALL)
_LEFT_ALONE = re.compile(r"https?:\S*|[@#]\w+\W*|[\d\W_]?|[\d$\u20ac\u00a3%.,:+/()-]+")
_LEET_ENDS = re.compile(r"^[|+]\w|\w[|+]+$")
_LATIN_MARKED = re.compile(r"[a-z][\u0300-\u036f]")
_RUN = re.compile(r"(.)\1+")
_INNER_VOWELS = re.compile(r"(?<=.)[aeiou](?=.)")
HIDING = "*#"  # signs that stand for a letter which is not written
# one sign may stand for several letters: for a key, i and l are one
_LEET = str.maketrans("@4836901!|5$7+2(l", "aabeggoiiissttzci")
_TURNED = str.maketrans("ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz", "abcdefghijklmnopqrstuvwxyz")
# words without a letter that looks otherwise from the other side
_TURNED_PART = re.compile(r"(?<!\S)[^acefghijkmrtvwy]+(?!\S)", re.IGNORECASE)
_IS_TURNED = re.compile("[ɐǝɟɥɹʇʌʍʎɯʞ]")
LEAST_TURNED = 3  # such letters in what is turned round

# what is written for one another in the Latin script, as in English
SOUNDS = {"ph": "f", "ck": "k", "th": "d", "qu": "kw", "c": "k", "q": "k", "x": "ks", "z": "s"}
_SOUND = re.compile("|".join(SOUNDS))

LEAST_KEY = 3  # letters of what a disguised word is looked for by
LEAST_EDITED = 4  # letters of a word whose neighbours are swapped; one more for other edits
LEAST_JOINED = 7  # letters of what may be several words
LEAST_AVERAGE = 3  # letters of those, on average


def unmasked(texts: Sequence[str | None], words: Words | None) -> list[str | None]:
    """The texts as they are read: by known words, where there are such."""
    return list(texts) if words is None else [words.restored(text) for text in texts]


class _Chunk(NamedTuple):
    """What stands between blanks: as written, its word in small letters, how many texts have that, as it is read."""

    written: str
    core: str
    texts: int
    read: str


class Words:
    """Known words with the number of texts that each stands in, in small letters."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts
        self._remembered = lru_cache(CACHED)(self._look)

    @classmethod
    def learned(cls, texts: Iterable[str]) -> Self:
        """The words that most texts have."""
        found: Counter[str] = Counter()
        for text in texts:
            found.update({word.lower() for word in _WORD.findall(folded(text)) if len(word) <= LONGEST})
        most = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
        return cls({word: count for word, count in most if count >= LEAST_TEXTS})

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file of a word and its count a line."""
        lines = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
        return cls({word: int(count) for word, count in lines})

    def __str__(self) -> str:
        return "".join(f"{word}\t{count}\n" for word, count in self.counts.items())

    def restored(self, text: str | None) -> str | None:
        """The text folded, and its disguised words as those that they are read as."""
        if text is None or is_blank(text):
            return text
        text = folded(text)
        if not text.isascii() and len(_IS_TURNED.findall(text)) >= LEAST_TURNED:
            text = _TURNED_PART.sub(_turned_back, text)
        looked, rest = text[:MOST_CHARACTERS], text[MOST_CHARACTERS:]
        return " ".join(self._uncut([self._seen(chunk) for chunk in looked.split(" ")])) + rest

    def _uncut(self, chunks: list[_Chunk]) -> Iterator[str]:
        """How chunks are read; two neighbours as one where they are a word together, and a rarer one apart."""
        place, last = 0, len(chunks) - 1
        while place <= last:
            one = chunks[place]
            if place < last and self._are_one(one, chunks[place + 1]):
                yield one.written + chunks[place + 1].written
                place += 1
            else:
                yield one.read
            place += 1

    def _are_one(self, one: _Chunk, other: _Chunk) -> bool:
        count = self.counts.get(one.core + other.core)
        return count is not None and count > min(one.texts, other.texts) and one.core != "" != other.core

    def _seen(self, written: str) -> _Chunk:
        return self._remembered(written) if len(written) <= MOST_SIGNS else _Chunk(written, "", 0, written)

    def _look(self, written: str) -> _Chunk:
        """What stands between blanks, how often its word is met, and what it is read as."""
        ends = _CORE.search(written)
        core = ends[0] if ends else ""
        if core != written and _LEET_ENDS.search(written):
            core = written if self._unmarked(written.lower()) else core
        small = core.lower()
        count = self.counts.get(small, 0)
        if count and "_" in written and core != written:  # which a tokeniser takes for a letter
            return _Chunk(written, small, count, written.replace("_", " ").strip())
        if count or not core or _LEFT_ALONE.fullmatch(written):
            return _Chunk(written, small, count, written)
        return _Chunk(written, small, count, self._restored(written, core, small))

    def _restored(self, written: str, core: str, small: str) -> str:
        parts = [part for part in _BETWEEN.split(small) if part]
        rarest = min((self.counts.get(part, 0) for part in parts), default=0)
        found = self._unmarked(small) or self._hidden(small)
        if found is None:
            found = self._one(small, rarest if len(parts) > 1 else 0)
        if found is not None:
            return written.replace(core, found, 1)
        return _WORD.sub(lambda part: self._part(part[0]), written.replace("_", " ").strip())

    def _part(self, word: str) -> str:
        small = word.lower()
        return word if small in self.counts else self._one(small, 0) or self._several(small)

    def _one(self, word: str, least: int) -> str | None:
        """The known word that this one is read as, if more than so many texts have it; None for none."""
        if not len(word) <= 2 * LONGEST:
            return None
        ways: tuple[Callable[[str], str | None], ...] = (
            self._unmarked, self._alike, self._without_vowels, self._backwards, self._sounding, self._slipped,
        )  # fmt: skip
        found = (way(word) for way in ways)
        return next((known for known in found if known is not None and self.counts[known] > least), None)

    # each way from a disguised word to a known one

    def _unmarked(self, word: str) -> str | None:
        """fr\u00e9\u00e9, fr33: one sign for each letter; who writes marks does not mean a word with others."""
        key = _plain(word)
        return (
            self._but_other_marks(word, self._by_plain.get(key))
            if len(key) > 1 and not word.isdecimal()
            else None
        )

    @staticmethod
    def _but_other_marks(word: str, found: str | None) -> str | None:
        return None if found is None or (_is_marked(word) and _is_marked(found)) else found

    def _hidden(self, word: str) -> str | None:
        """f*ee: a sign for each letter that is hidden."""
        if not any(sign in word for sign in HIDING) or len(word) < LEAST_KEY:
            return None
        like = (known for known in self._by_form.get((word[0], len(word)), ()) if _may_be(word, known))
        return next(like, None)

    def _alike(self, word: str) -> str | None:
        """f-ree, freeee."""
        return self._but_other_marks(word, self._by_key.get(_key(word))) if len(word) >= LEAST_KEY else None

    def _without_vowels(self, word: str) -> str | None:
        return self._by_consonants.get(word) if len(word) >= LEAST_KEY else None

    def _sounding(self, word: str) -> str | None:
        """phree, prize as prais: what is read aloud as the word is."""
        return (
            self._but_other_marks(word, self._by_sound.get(_sound(word))) if len(word) >= LEAST_KEY else None
        )

    def _backwards(self, word: str) -> str | None:
        return word[::-1] if word[::-1] in self.counts else None

    def _slipped(self, word: str) -> str | None:
        """One edit away, with the same letter at its beginning and at its end; neighbours that are swapped first."""
        if len(word) < LEAST_EDITED or not word.isalpha():
            return None
        inner = _less(word)
        longer = set(self._by_less.get(word, ()))
        same = {known for less in inner for known in self._by_less.get(less, ()) if len(known) == len(word)}
        swapped = {known for known in same if sorted(known) == sorted(word)}
        shorter = {less for less in inner if less in self.counts}
        near = swapped or longer or (same | shorter if len(word) > LEAST_EDITED else set())
        near = {known for known in near if known[0] == word[0] and known[-1] == word[-1]}
        return self._but_other_marks(word, max(sorted(near), key=self.counts.__getitem__, default=None))

    def _several(self, word: str) -> str:
        """Known words that this one is made of, the likeliest, with blanks; the word itself where it is none such."""
        if len(word) < LEAST_JOINED or not word.isalpha():
            return word
        best: list[tuple[float, list[str]] | None] = [(0.0, [])]
        for end in range(1, len(word) + 1):
            ways = [
                (before[0] + self._rarity[part], [*before[1], part])
                for start in range(max(0, end - LONGEST), end)
                if (before := best[start]) is not None and (part := word[start:end]) in self._rarity
            ]
            best.append(min(ways, default=None))
        found = best[-1][1] if best[-1] is not None else []
        return " ".join(found) if found and len(word) >= LEAST_AVERAGE * len(found) else word

    # what words are looked for by; of several words the one that most texts have

    @cached_property
    def _by_plain(self) -> dict[str, str]:
        return self._by(_plain)

    @cached_property
    def _by_key(self) -> dict[str, str]:
        return self._by(_key)

    @cached_property
    def _by_sound(self) -> dict[str, str]:
        return self._by(_sound)

    @cached_property
    def _by_consonants(self) -> dict[str, str]:
        return self._by(lambda word: _INNER_VOWELS.sub("", word))

    def _by(self, key: Callable[[str], str]) -> dict[str, str]:
        return {key(word): word for word in sorted(self.counts, key=self.counts.__getitem__)}

    @cached_property
    def _by_form(self) -> dict[tuple[str, int], list[str]]:
        found: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in sorted(self.counts, key=self.counts.__getitem__, reverse=True):
            found[word[0], len(word)].append(word)
        return found

    @cached_property
    def _by_less(self) -> dict[str, list[str]]:
        """By the word without one of its inner letters."""
        found: dict[str, list[str]] = defaultdict(list)
        for word in self.counts:
            if len(word) >= LEAST_EDITED:
                for less in _less(word):
                    found[less].append(word)
        return found

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """Minus the logarithm of a word's share of all."""
        total = math.log(sum(self.counts.values()) + 1)
        return {word: total - math.log(count) for word, count in self.counts.items()}


def _turned_back(part: re.Match[str]) -> str:
    """The part of a text as it is read from the other side, if it is upside down."""
    is_turned = len(_IS_TURNED.findall(part[0])) >= LEAST_TURNED
    return part[0].lower().translate(_TURNED)[::-1] if is_turned else part[0]


def _may_be(hidden: str, known: str) -> bool:
    return all(sign in HIDING or sign == letter for sign, letter in zip(hidden, known, strict=True))


def _less(word: str) -> set[str]:
    return {word[:place] + word[place + 1 :] for place in range(1, len(word) - 1)}


def _plain(word: str) -> str:
    """Without marks on letters, and with the same sign for what looks alike."""
    if not word.isascii():
        word = "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))
    return word.translate(_LEET)


def _is_marked(word: str) -> bool:
    """Whether Latin letters of it bear marks; those of other scripts are letters of their own."""
    return _LATIN_MARKED.search(unicodedata.normalize("NFD", word)) is not None


def _sound(word: str) -> str:
    """What letters of like sound have in common, each said once."""
    return _RUN.sub(r"\1", _SOUND.sub(lambda letters: SOUNDS[letters[0]], _key(word)))


def _key(word: str) -> str:
    """And with nothing between letters, and no letter said twice."""
    return _RUN.sub(r"\1", _SIGNS.sub("", _plain(word)))
