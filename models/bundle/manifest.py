"""A bundle's manifest: every file of a folder with its digest, written once and checked before each use."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from models.domain.errors import UserError

MANIFEST = "manifest.json"


class TamperedBundleError(UserError):
    """A bundle whose files are not the ones that its manifest names."""


def write_manifest(folder: Path) -> str:
    """Name every file that the folder holds; returns the digest of the manifest."""
    files = {
        name: {"sha256": _digest(folder / name), "bytes": (folder / name).stat().st_size}
        for name in _files(folder)
    }
    (folder / MANIFEST).write_text(json.dumps({"format": 1, "files": files}, indent=1))
    return _digest(folder / MANIFEST)


def verify(folder: Path) -> str:
    """The digest of the manifest, after checking that the folder holds exactly the files it names, and no links."""
    manifest = read_part(folder, MANIFEST)
    linked = sorted(path.name for path in folder.rglob("*") if path.is_symlink())
    if linked:  # what a link leads to can change after this check
        raise TamperedBundleError(f"bundle {folder} holds links: {', '.join(linked)}; fetch it again")
    try:
        expected = {name: entry["sha256"] for name, entry in json.loads(manifest)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TamperedBundleError(
            f"{folder / MANIFEST} is no manifest: {error}; fetch the bundle again"
        ) from error
    astray = sorted(name for name in expected if not _is_plain(name))
    if astray:
        raise TamperedBundleError(
            f"{folder / MANIFEST} names what is no file below it: {', '.join(map(repr, astray))}; fetch it again"
        )
    found = {name: _digest(folder / name) for name in _files(folder)}
    wrong = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if wrong:
        raise TamperedBundleError(
            f"bundle {folder} was changed after it was made: {', '.join(wrong)}; delete the folder and fetch it again"
        )
    return _digest(folder / MANIFEST)


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum((folder / name).stat().st_size for name in [*_files(folder), MANIFEST])


def _files(folder: Path) -> list[str]:
    inside = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in inside if name != MANIFEST)


def _is_plain(name: str) -> bool:
    """Whether this is a relative path that goes down only."""
    parts = name.split("/")
    return not ({"", ".", ".."} & set(parts) or "\\" in name or "\0" in name)


def read_part(folder: Path, name: str) -> bytes:
    """A file of a bundle; raises TamperedBundleError where it is missing."""
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise TamperedBundleError(f"{folder} is no bundle: {name} is missing; fetch it again") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
