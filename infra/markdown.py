"""What people and posts wrote, inside Markdown of ours: shown as they wrote it, and never taken for markup.

The readers of these texts differ (Prefect's page, MLflow's, the model card), so nothing is left to their sanitizers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

# as references to characters, which no reader of Markdown takes for markup; they differ in what a backslash escapes
MARKUP = re.compile(r"[&<>\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])|^#|^[+-](?!\d)")
NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
UNSAFE = re.compile(r"[\s()<>\"]")  # what ends an address
CONTROL = ("Cc", "Cf", "Cs", "Zl", "Zp")  # line ends too, which would end a table's row; bidi controls


def plain(value: object) -> str:
    """The text of a value as one line of Markdown in which nothing is a tag, a link, an emphasis or a cell's end."""
    return MARKUP.sub(lambda found: NAMED.get(found[0], f"&#{ord(found[0])};"), _one_line(value))


def code(value: object) -> str:
    """The text of a value as a code span: between backticks nothing else is markup, so that none may stand inside."""
    return f"`{_one_line(value).replace('`', chr(39)).replace('|', '¦')}`"


def link(text: str, url: str) -> str:
    """A link to a page; the text alone where the address is none of a page."""
    if not url.startswith(("http://", "https://")):
        return plain(text)
    return f"[{plain(text)}]({UNSAFE.sub(lambda found: f'%{ord(found[0]):02X}', url)})"


def cells(*values: object) -> str:
    """One row of a table."""
    return f"| {' | '.join(map(plain, values))} |"


def narrow(markdown: str) -> str:
    """With a list in place of each table: a box that grows with its tables leaves a phone's screen."""
    shown: list[str] = []
    for in_table, lines in groupby(markdown.splitlines(), lambda line: line.startswith("|")):
        block = list(lines)
        shown += _listed(*block) if in_table else block
    return "\n".join(shown)


def _listed(head: str, _ruler: str, *rows: str) -> Iterator[str]:
    _, *names = _cells(head)
    for row in rows:
        first, *more = _cells(row)
        told = ", ".join(f"{name} {cell}" for name, cell in zip(names, more, strict=True) if cell)
        yield f"- **{first}** {told}" if first else f"- {told}"


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _one_line(value: object) -> str:
    return "".join(" " if unicodedata.category(sign) in CONTROL else sign for sign in str(value))
