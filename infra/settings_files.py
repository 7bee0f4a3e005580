"""The files that settings are read from: `moderato.toml` of the project, and `.env`.

In a project both lie in its folder, and their relative addresses begin there: where a command is called from changes
nothing. Outside of one, `.env` is the working directory's.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

from models.domain.located import Document, WrittenError, nearest, read_document
from models.domain.project import MARK, project_folder

DOTENV = ".env"
PLACES = frozenset(
    {
        "home",
        "lake_uri",
        "landing_uri",
        "result_uri",
        "training_uri",
        "mlflow_artifact_uri",
        "gateway_video_uri",
    }
)
SQLITE = "sqlite:///"


class ProjectFile(PydanticBaseSettingsSource):
    """What the project's `moderato.toml` says; nothing outside of a project.

    Raises WrittenError for a key that is no setting, and for a secret: the file is for everybody.
    """

    def __init__(self, settings_cls: type[BaseSettings], secrets: Collection[str]) -> None:
        super().__init__(settings_cls)
        self._secrets = secrets

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        project = project_folder()
        if project is None:
            return {}
        document = read_document(project / MARK)
        for name, value in document.values.items():
            self._check(document, name, value)
        own = {"project": str(project), "home": ".moderato"} | document.values
        return in_project(own, project)

    def _check(self, document: Document, name: str, value: object) -> None:
        known = [
            field for field in self.settings_cls.model_fields if field not in {"project", *self._secrets}
        ]
        if name in self._secrets:
            raise WrittenError(
                f"{document.at((name,))}: {name} is a secret, and this file is for everybody; "
                f"write MODERATO_{name.upper()}=... into {DOTENV} beside it, or into the environment"
            )
        if name not in known:
            raise WrittenError(
                f"{document.at((name,))}: no setting is called {name!r}: {nearest(name, known)}"
            )
        if isinstance(value, dict | list):
            raise WrittenError(
                f"{document.at((name,))}: {name} has one value; write {name} = ... on one line"
            )


class Dotenv(DotEnvSettingsSource):
    """The project's `.env`, or outside of one the working directory's."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        self._project = project_folder()
        super().__init__(settings_cls, env_file=self._project / DOTENV if self._project else DOTENV)

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        return in_project(found, self._project) if self._project else found


def in_project(values: dict[str, Any], project: Path) -> dict[str, Any]:
    """Relative addresses as they are from the project's folder."""
    return {name: _address(name, value, project) for name, value in values.items()}


def _address(name: str, value: Any, project: Path) -> Any:
    given = str(value)
    if name in PLACES and given and "://" not in given:
        return str(project / Path(given).expanduser())
    if name == "mlflow_tracking_uri" and given.startswith(SQLITE):
        return f"{SQLITE}{project / given.removeprefix(SQLITE)}"  # one that is absolute stays as it is
    return value


def where(name: str) -> str:
    """`file:line` of a setting in the project's file; empty where it is not there."""
    project = project_folder()
    if project is None:
        return ""
    document = read_document(project / MARK)
    return document.at((name,)) if name in document.values else ""
