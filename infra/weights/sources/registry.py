"""A version of a model in the MLflow registry, by its alias or its number."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from infra.settings import Settings
from infra.weights.source import WeightsSource, fetched_once
from infra.weights.weights import NoWeightsError

PREFIX = "models:/"


def folder(settings: Settings, rest: str) -> Path:
    """The artifacts of a version; an alias is followed now, so that a run keeps to one version."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    from infra.registry import Registry

    client = Registry(settings).client
    name, _, alias = rest.partition("@")
    model, _, number = name.partition("/")
    try:
        version = client.get_model_version_by_alias(model, alias).version if alias else number
        # before it is part of a path: MLflow knows no version that is not a number
        source = client.get_model_version_download_uri(model, version)
        place = settings.work / "weights" / _called(settings, model, int(version), source)

        def download(aside: Path) -> None:
            download_artifacts(source, dst_path=str(aside), tracking_uri=settings.tracking_uri)
            _refuse_links(aside)

        fetched_once(place, download)
    except MlflowException as error:
        raise NoWeightsError(f"no weights at {PREFIX}{rest}: {error.message}") from None
    inside = [path for path in place.iterdir() if path.is_dir()]
    return inside[0] if len(inside) == 1 and not any(map(Path.is_file, place.iterdir())) else place


def _called(settings: Settings, model: str, version: int, source: str) -> str:
    """The folder of a version: a number may come again after a model was deleted, an address of artifacts does not."""
    where = hashlib.sha256(f"{settings.tracking_uri}\0{model}\0{source}".encode()).hexdigest()[:12]
    return f"{re.sub('[^A-Za-z0-9_-]', '-', model)[:60]}-{version}-{where}"


def _refuse_links(folder: Path) -> None:
    linked = next((path for path in folder.rglob("*") if path.is_symlink()), None)
    if linked is not None:
        raise NoWeightsError(
            f"these weights hold a link, {linked.name}: give a version that holds files alone"
        )


WEIGHTS_SOURCE = WeightsSource(name="registry", prefix=PREFIX, form="models:/name@alias", folder=folder)
