"""The folder of a run as it travels to Ray's workers and back, who share none."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from models.distributed.launch import LOG

RAY = "ray"  # folder of Ray's storage where no other is set


def packed(folder: Path) -> bytes:
    """The files of a folder, but those of Ray."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.iterdir()):
            if path.name not in {RAY, LOG}:
                archive.add(path, path.name)
    return buffer.getvalue()


def unpack(parcel: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(parcel)) as archive:
        archive.extractall(folder, filter="data")
