"""Text as people see it: what draws nothing is no content. Needs no torch."""

from __future__ import annotations

import re

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt), the annotation marks, and the blank of Braille
UNDRAWN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
BLANK = "\u2800"
_DRAWN = re.compile(rf"[^\s\x00-\x1f\x7f-\x9f{BLANK}{UNDRAWN}]")


def is_blank(text: str | None) -> bool:
    """Whether a reader of the text sees nothing: it is missing, or all of it is space and signs that draw nothing."""
    return not text or _DRAWN.search(text) is None
