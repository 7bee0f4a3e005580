"""State that is its owner's alone: what is made from now on is 0700 or 0600, and what a home holds already too."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

ALONE, WITH_GROUP = 0o077, 0o007  # umasks


def make_private(home: Path) -> None:
    """Make the home if it is absent, and take it and what is in it from everyone but its owner.

    Children inherit the umask. A home that is private already is not looked through: nobody else can enter it. One
    that has the set-group-ID bit, or another owner, is shared with its group on purpose, and stays so.
    """
    os.umask(ALONE)
    home.mkdir(parents=True, exist_ok=True)
    home = home.resolve()
    found = home.stat()
    others = WITH_GROUP if found.st_mode & stat.S_ISGID or found.st_uid != os.geteuid() else ALONE
    os.umask(others)
    if found.st_mode & others:
        for folder, folders, files in os.walk(home):
            for name in (*folders, *files):
                _close(Path(folder, name), others)
        _close(home, others)  # last: until then the next command would begin anew


def _close(path: Path, others: int) -> None:
    with suppress(OSError):  # another's, or gone by now
        mode = path.lstat().st_mode
        if mode & others and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~others)
