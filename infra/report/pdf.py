"""The card on paper: printed by the Chromium of this machine, where there is one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PRINT_SECONDS = 30.0  # seconds; it takes two


def printed(page: Path, to: Path) -> str:
    """Print a page that we wrote as PDF; why not, empty where it was. Raises nothing: a card without it is a card."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return "there is no Chromium on this machine"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        try:
            return _ended(_begun(_command(browser, page, to, scratch)), to)
        except OSError as error:
            return str(error)


def _begun(command: list[str]) -> subprocess.Popen[bytes]:
    """In a group of its own: it starts others, which end with it."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)  # noqa: S603 - our words


def _command(browser: str, page: Path, to: Path, scratch: str) -> list[str]:
    # root has no sandbox to be in; the page is our own, without a script
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [
        browser, "--headless", *sandbox, "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={scratch}",
        "--disable-background-networking", "--disable-pdf-tagging", f"--print-to-pdf={to}", page.absolute().as_uri(),
    ]  # fmt: skip


def _ended(browser: subprocess.Popen[bytes], to: Path) -> str:
    """Wait for it, and leave none of its processes behind."""
    try:
        browser.wait(PRINT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"Chromium had not printed after {PRINT_SECONDS:.0f} seconds"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
    return "" if to.exists() else f"Chromium printed nothing and ended with {browser.returncode}"
