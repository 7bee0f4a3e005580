"""What people and stores wrote, made harmless for a terminal: one door for everything that a command shows.

A name, a reason or another program's error may hold `rich` markup, which crashes a table or paints it, and control
characters, which drive the terminal: they are shown, never obeyed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.errors import MarkupError
from rich.markup import escape

from flows.cli.loading import spoken

if TYPE_CHECKING:
    from rich.text import Text

# control characters of both sets, what reorders a line, what breaks one, and halves of pairs that no terminal can take
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def said(value: object) -> str:
    """On one line, with what a terminal would obey shown as Python writes it; for `print`."""
    return UNSEEN.sub(_shown, str(value))


def plain(value: object) -> str:
    """The same where `rich` reads markup: for values inside of a console's or a table's text."""
    return escape(said(value))


def lines(text: str) -> str:
    """A text of several lines, such as Markdown, which `rich` reads no markup in."""
    return LINES.sub(_shown, text)


def terminal(*, stderr: bool = False, **options: Any) -> Console:
    """The console that commands write to."""
    return _Terminal(stderr=stderr, emoji=False, **options)


class _Terminal(Console):
    """The second line of defence: a value that came here without `plain` loses its paint, not the command's life."""

    def print(self, *objects: Any, **options: Any) -> None:
        spoken()
        super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        seen = lines(text)
        try:
            return super().render_str(seen, **options)
        except MarkupError:
            return super().render_str(seen, **{**options, "markup": False})


def _shown(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()
