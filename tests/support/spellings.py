"""One spam text in the spellings of those who do not want to be found, and behind harmless words."""

from __future__ import annotations

import unicodedata

import numpy as np

from models.perturbations import PERTURBATIONS

SEED = 2  # by which wide gaps part words that are spelt
PLAIN = "congratulations you have won a free prize, call 0800 555 now to claim your cash"
HARMLESS = (
    "a", "an", "the", "old", "slow", "garden", "path", "children", "winds", "ducks", "weather", "mill", "feed",
    "past", "talk", "about", "where", "and",
)  # fmt: skip
_CYRILLIC = str.maketrans("aeopcyx", "\u0430\u0435\u043e\u0440\u0441\u0443\u0445")


def between(text: str, sign: str) -> str:
    return sign.join(text)


def drawn_alike(text: str = PLAIN) -> dict[str, str]:
    """Spellings of a text in small letters that draw the same letters."""
    return {
        "zero width space": between(text, "\u200b"),
        "zero width non-joiner": between(text, "\u200c"),
        "zero width joiner": between(text, "\u200d"),
        "joiners, twice and mixed": between(text, "\u200d\u200c\u200d"),
        "word joiner": between(text, "\u2060"),
        "soft hyphen": between(text, "\u00ad"),
        "grapheme joiner": between(text, "\u034f"),
        "variation selectors": between(text, "\ufe0f\ufe0e\U000e0101"),
        "byte order marks": between(text, "\ufeff"),
        "fillers of Hangul": between(text, "\u3164\u115f\u1160\uffa0"),
        "Mongolian selectors and vowels of Khmer": between(text, "\u180b\u17b4"),
        "tags": between(text, "\U000e0061\U000e007f"),
        "direction marks": between(text, "\u200e\u200f\u061c"),
        "isolates": f"\u2066{text}\u2069",
        "embeddings": f"\u202a{text}\u202c",
        "written backwards under an override": f"\u202e{text[::-1]}\u202c",
        "overridden in parts": f"{text[:20]}\u202e{text[20:40][::-1]}\u202c{text[40:]}",
        "controls": between(text, "\x01\x7f\x9f"),
        "NFD": unicodedata.normalize("NFD", text),
        "full width": "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text),
        "mathematical": _letters(text, 0x1D41A),
        "in circles": _letters(text, 0x24D0),
        "in black squares": _letters(text, 0x1F170, but="abop"),
        "Cyrillic look-alikes": text.translate(_CYRILLIC),
        "HTML entities": "".join(f"&#{ord(c)};" for c in text),
        "HTML entities in hexadecimal, with zeros": "".join(f"&#X{ord(c):05x};" for c in text),
        "zero widths as HTML entities": between(text, "&zwj;&#8203;"),
        "struck through": between(text, "\u0336") + "\u0336",
        "heaps of marks": between(text, "\u0301\u0323\u0336\u0308"),
    }


def respelled(text: str = PLAIN) -> dict[str, str]:
    """Spellings that a reader makes out, that draw other signs, and of which training sees some."""
    return {
        found.name: found(text, np.random.default_rng(SEED)) for found in PERTURBATIONS if not found.held_out
    }


def diluted(text: str = PLAIN, *, words: int = 2000) -> dict[str, str]:
    """The text before and behind harmless words, and behind what is no word."""
    padding = " ".join(HARMLESS[number * 7 % len(HARMLESS)] for number in range(words))
    half = padding[: len(padding) // 2]
    return {
        "behind fifty": f"{' '.join(HARMLESS * 3)}. {text}",
        "behind": f"{padding}. {text}",
        "before": f"{text}. {padding}",
        "amid": f"{half}. {text}. {half}",
        "behind blank lines": "\n" * 20_000 + text,
        "behind blanks": " " * 40_000 + text,
        "behind zero widths": "\u200b" * 40_000 + text,
        "behind fifty thousand characters": (padding * 10)[: 50_000 - len(text) - 1] + f" {text}",
        "behind one long word": "w" * 49_000 + f" {text}",
    }


def _letters(text: str, first: int, but: str = "") -> str:
    return "".join(chr(first + ord(c) - ord("a")) if c.isalpha() and c not in but else c for c in text)
