"""Names and digests that become paths. A path is built from outside here and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

from infra.forms.form_error import FormError

DIGEST = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@=+-]{0,199}")


def digest(value: object) -> str:
    """A SHA-256 in hexadecimal; raises FormError."""
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise FormError("invalid_digest", f"{str(value)[:80]!r} is no SHA-256: 64 hexadecimal digits")
    return value


def name(value: object) -> str:
    """One part of a path that leads nowhere else: letters, digits and ._@=+-, a dot not first. Raises FormError."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise FormError("invalid_name", f"{str(value)[:80]!r} is no name of a file or folder")
    return value


def beneath(folder: Path, given: str) -> Path:
    """The path below `folder` that a relative address names; raises FormError where it leads elsewhere, links too."""
    root = folder.resolve()
    target = root if "\0" in given else (root / given).resolve()
    if target == root or not target.is_relative_to(root):
        raise FormError("invalid_path", f"{given[:80]!r} leads out of {folder}")
    return target
