"""What a backup says of itself: which files it holds, each with its digest, and of which home it was made."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.domain.errors import UserError

ABOUT = "backup.json"
FORMAT = 2  # 1 named no files
DATABASES = ("mlflow.db", "prefect/prefect.db", "answers.db")
FILES = (
    "landing.json",
    "gateway.json",
)  # what the landing zone gave already; the champion that was last served
RESULTS = "results"
FOLDERS = (
    "lake", "mlflow-artifacts", RESULTS, "journal", "landing", "bundles", "weights",
    "work/candidates", "work/backbones", "work/searches", "work/docs",
)  # fmt: skip
# Of no worth elsewhere, or made anew: logs, locks and up.json, Prefect's profile, what work/snapshots and work/weights
# hold of other stores, and the demo's own home.


class BackupError(UserError):
    """A backup that cannot be made, or a folder that holds none."""


class Kept(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """`bytes` is by store; `files` is by path below the home, with slashes, and empty in format 1."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    home: str = Field(min_length=1)
    made_at: str
    moderato: str
    bytes: dict[str, int]
    files: dict[str, Kept] = {}
    left_out: dict[str, int] = {}

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises BackupError for a folder that holds no whole backup, or one that this version cannot read."""
        path = folder / ABOUT
        if not path.is_file():
            raise BackupError(
                f"{folder} holds no whole backup: {ABOUT} is missing; moderato backup writes it last"
            )
        try:
            found = cls.model_validate(json.loads(path.read_bytes()))
        except (ValidationError, ValueError, RecursionError) as error:
            first = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
            raise BackupError(f"{path} was not written by moderato backup, or is damaged: {first}") from None
        if found.format > FORMAT:
            raise BackupError(
                f"{folder} has format {found.format}, this version reads up to {FORMAT}; restore it with moderato "
                f"{found.moderato[:40]} or newer"
            )
        return found


def store_of(path: str) -> str:
    """The store that a file of a backup belongs to; raises BackupError where it is none of ours."""
    for name in (*DATABASES, *FILES):
        if path == name:
            return name
    for name in FOLDERS:
        if path.startswith(f"{name}/"):
            return name
    raise BackupError(f"the backup names {path[:80]!r}, which belongs to no store; nothing was restored")
