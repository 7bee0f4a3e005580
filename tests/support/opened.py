"""A page that we wrote, opened as a person opens a file: offline, with an ear for what it begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chromium import chromium

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/beacon)",
    "`<svg onload=alert(1)>` | <a href='javascript:alert(1)'>x</a>",
    "<http://evil.example/auto> &lt;script&gt;alert(1)&lt;/script&gt;\n# heading\n<iframe src=//evil.example>",
)


@dataclass
class Opened:
    """`begun` is what the page did by itself: dialogs, requests to other addresses."""

    page: Any
    begun: list[str] = field(default_factory=list)

    def holds(self, selector: str) -> int:
        return int(self.page.locator(selector).count())


@contextmanager
def opened(path: Path, width: int = 1440) -> Iterator[Opened]:
    """The file in Chromium; skipped where there is none."""
    with chromium() as browser:
        page = browser.new_context(offline=True, viewport={"width": width, "height": 900}).new_page()
        found = Opened(page)
        page.on("dialog", lambda dialog: (found.begun.append(dialog.message), dialog.dismiss()))
        page.on(
            "request", lambda asked: found.begun.append(asked.url) if asked.url != path.as_uri() else None
        )
        page.goto(path.as_uri())
        yield found
