"""What to choose in place of a name that does not exist: the one that was probably meant first, then all there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

ALIKE = 0.6  # difflib's ratio from which on a name may be another one mistyped


def choose(given: str, names: Iterable[str], *, none: str = "", words: str = "choose one of:") -> str:
    """The end of an error's message, as in: did you mean 'steady'? choose one of: brief, steady.

    none: what is said where there are no names.
    """
    known = [*names]
    alike = {name.casefold(): name for name in known}
    near = get_close_matches(given.casefold(), alike, n=1, cutoff=ALIKE)
    meant = f"did you mean {alike[near[0]]!r}? " if near else ""
    return f"{meant}{words} {', '.join(known) or none}"
