"""A new project folder: settings, a policy set to edit, and places for sources and parts of one's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from models.domain.errors import UserError
from models.domain.policy_file import schema
from models.domain.project import MARK
from models.policies import POLICY_SETS

FILES = Path(__file__).parent / "files"
POLICIES, SCHEMA = "policies/guidelines.toml", "policies/policy-set.schema.json"
SHIPPED = POLICY_SETS.folders[0] / "community_guidelines.toml"


class NoFolderError(UserError):
    """Where a project was asked for, no folder can be."""


@dataclass(frozen=True)
class Begun:
    """What was written of a project, and what was there already and stayed as it was."""

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]


def begin_project(folder: Path) -> Begun:
    """Write what a project lacks; a file that is there is never changed. Raises NoFolderError."""
    written, kept = [], []
    for name, text in contents().items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            written.append(name)
        except FileExistsError as error:
            if not folder.is_dir() or not path.parent.is_dir():
                raise NoFolderError(f"{error.filename} is a file; name another folder") from None
            kept.append(name)
        except OSError as error:
            raise NoFolderError(
                f"{error.filename or folder}: {error.strerror}; name another folder"
            ) from None
    return Begun(folder, tuple(written), tuple(kept))


def contents() -> dict[str, str]:
    """Every file of a new project by its path; the one that makes it a project comes last, when the rest is whole."""
    return {
        POLICIES: f"#:schema ./{Path(SCHEMA).name}\n\n{SHIPPED.read_text(encoding='utf-8')}",
        SCHEMA: json.dumps(schema(), indent=1) + "\n",
        "sources/README.md": _file("sources.md"),
        "parts/README.md": _file("parts.md"),
        "README.md": _file("README.md"),
        ".gitignore": _file("gitignore"),
        MARK: _file("moderato.toml"),
    }


def _file(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")
