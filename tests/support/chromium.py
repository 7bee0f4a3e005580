"""The one browser that tests open pages with; they are skipped where a machine has none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WIDTHS, SCHEMES = (1440, 390), ("light", "dark")  # a desk and a phone, by day and by night
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium, until the block ends."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The same for the tests of a file."""
    with chromium() as opened:
        yield opened


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pictures", metavar="FOLDER", help="keep a picture of each page that tests open in a browser"
    )


@pytest.fixture(scope="session")
def keep_pictures(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function that takes pictures of a page under a name; it does nothing without `--pictures`."""
    folder = request.config.getoption("--pictures")

    def taken(page: Any, name: str, *, whole: bool = False) -> None:
        if folder is None:
            return
        before = page.viewport_size
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(500)  # what slides and fades comes to rest
                page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=whole)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(before)

    return taken
