"""Pre-trained encoders in the registry: versions of one registered model, each a folder of weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from infra.registry.registry import KEY, Registry

BACKBONE = "moderato-backbone"
LOGGED = "backbone"  # what the logged model is called


@dataclass(frozen=True)
class RegisteredBackbone:
    """One version. MLflow's own alias `latest` is the newest; that of a family is the newest of that family."""

    version: int
    key: str
    run_id: str
    aliases: tuple[str, ...]

    @property
    def address(self) -> str:
        """What a preset's `weights` says to begin from this version."""
        return f"models:/{BACKBONE}/{self.version}"


def publish_backbone(
    registry: Registry, folder: Path, *, key: str, run_id: str, alias: str, tags: Mapping[str, str], note: str
) -> RegisteredBackbone:
    """The version made of this key, registered now where it is not yet; `alias` then points at it."""
    client = registry.client
    with FileLock(registry.settings.home / "registry.lock"):
        _ensure_registered(client)
        found = _find(client, key)
        if found is None:
            model_id = _logged(registry, run_id, key) or _log(registry, folder, run_id, key)
            # the tags are written in the version's own transaction: a version without its key cannot be left behind
            client.create_model_version(
                BACKBONE, f"models:/{model_id}", run_id, tags={**tags, KEY: key}, description=note,
                model_id=model_id,
            )  # fmt: skip
            found = _find(client, key)
        assert found is not None
        client.set_registered_model_alias(BACKBONE, alias, found.version)
        entry = client.get_model_version(BACKBONE, found.version)
    return RegisteredBackbone(int(entry.version), key, entry.run_id or "", tuple(sorted(entry.aliases)))


def _find(client: Any, key: str) -> Any:
    query = f"name = '{BACKBONE}' and tags.`{KEY}` = '{key}'"
    return next(iter(client.search_model_versions(query)), None)


def _logged(registry: Registry, run_id: str, key: str) -> str | None:
    """The model that a killed registration logged whole."""
    found = registry.client.search_logged_models(
        [registry.experiment_id], filter_string=f"source_run_id = '{run_id}' AND tags.`{KEY}` = '{key}'"
    )
    return next((str(model.model_id) for model in found if str(model.status) == "READY"), None)


def _log(registry: Registry, folder: Path, run_id: str, key: str) -> str:
    client = registry.client
    model = client.create_logged_model(
        registry.experiment_id, name=LOGGED, source_run_id=run_id, tags={KEY: key}
    )
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    return str(model.model_id)


def _ensure_registered(client: Any) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(
            BACKBONE, description="Encoders pre-trained on the platform's own posts"
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
