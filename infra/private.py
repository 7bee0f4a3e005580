"""State that is its owner's alone: what is made from now on is 0700 or 0600, and what a home holds already too."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(home: Path) -> None:
    """Make the home if it is absent, and take it and what is in it from everyone but its owner.

    Children inherit the umask. A home that is private already is not looked through: nobody else can enter it. Files
    of another owner, as on a folder that machines share, stay as they are.
    """
    os.umask(UMASK)
    home.mkdir(parents=True, exist_ok=True)
    if home.stat().st_mode & OTHERS:
        for folder, folders, files in os.walk(home):
            for name in (*folders, *files):
                _close(Path(folder, name))
        _close(home)  # last: until then the next command would begin anew


def _close(path: Path) -> None:
    with suppress(OSError):  # another's, or gone by now
        mode = path.lstat().st_mode
        if mode & OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)
