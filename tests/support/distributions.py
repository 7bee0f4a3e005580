"""Python packages installed by hand, as pip leaves one: files, and a record of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path


def install(
    place: Path, name: str, files: Mapping[str, bytes], version: str = "1.0", recorded: Iterable[str] = ()
) -> None:
    """In a folder that is to be on the path; `recorded` are names that the record has besides."""
    about = place / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for path, content in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content)
    (about / "RECORD").write_text("".join(f"{path},,\n" for path in [*files, *recorded]))
