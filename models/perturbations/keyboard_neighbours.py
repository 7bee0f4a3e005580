"""One letter inside of every word hit beside its key."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation, each_word, inside

NEIGHBOURS = {
    "a": "qsz", "b": "vn", "c": "xv", "d": "sfe", "e": "wr", "f": "dgr", "g": "fht", "h": "gjy", "i": "uo", "j": "hku",
    "k": "jli", "l": "ko", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "adw", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "xa",
}  # fmt: skip


def slipped(word: str, rng: np.random.Generator) -> str:
    first, end = inside(word)
    if end <= first:
        return word
    at = int(rng.integers(first, end))
    keys = NEIGHBOURS.get(word[at].lower(), word[at])
    return word[:at] + keys[rng.integers(len(keys))] + word[at + 1 :]


PERTURBATION = Perturbation(
    name="keyboard_neighbours",
    about="one letter inside of every word hit beside its key",
    family=Family.TYPING,
    rewrite=each_word(slipped, least=4),
)
