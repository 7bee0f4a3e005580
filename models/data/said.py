"""What a post says: its caption, and behind it what was read in its picture and its video. Needs no torch.

A mark stands before each. It is a sign of its own between blanks to every tokeniser, to folding and to `unmasked`, so
that neither a word nor a pair of words lies in two of them, and a model can tell what was typed from what is drawn:
who types the mark is read as one who typed another sign.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.domain.folding import folded

MARK = "\N{DOUBLE VERTICAL LINE}"
TYPED = "|"


def segment(parts: Iterable[str]) -> str:
    """What was read in the parts of a post as one text, without a mark before it; empty where nothing was."""
    return f" {MARK} ".join(part for part in parts if part)


def said(caption: str | None, read: str | None) -> str | None:
    """The caption, and what was read (`segment`) behind it."""
    caption = caption and folded(caption).replace(MARK, TYPED)
    if not read:
        return caption
    return f"{caption} {MARK} {read}" if caption else f"{MARK} {read}"
