"""Log a bundle as an MLflow model and register it: once for each candidate, however often this is killed."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from infra.registry.copies import ARTIFACT, mlflow_has
from infra.registry.deciders import Decider
from infra.registry.registry import CHALLENGER, DIGEST, KEY, SNAPSHOT, Registry
from infra.registry.version import RegisteredVersion
from models.bundle.manifest import read_part, verify

if TYPE_CHECKING:
    from models.inference.scorer import ModelFile

CODE = Path(__file__).parent / "served_model.py"
PACKAGES = (
    "av",
    "numpy",
    "onnxruntime",
    "pandas",
    "pillow",
    "pydantic",
    "scipy",
    "tokenizers",
)  # what serving imports
REGISTERED_AGAIN_TAG = "moderato.registered_again"  # tag: the number of the deleted version that this one is
TEXT = "an invented harmless caption"


def publish(
    registry: Registry, bundle: Path, *, key: str, run_id: str, snapshot: str, tags: Mapping[str, str]
) -> RegisteredVersion:
    """The version made of this candidate, registered now where it is not yet; alias challenger unless it decides."""
    with FileLock(registry.settings.home / "registry.lock"):
        version = registry.find(key)
        if version is None:
            described = {**tags, KEY: key, SNAPSHOT: snapshot, DIGEST: verify(bundle)}
            model_id = _logged(registry, run_id, described[DIGEST]) or _log(
                registry, bundle, run_id, described[DIGEST]
            )
            _ensure_registered_model(registry)
            # the tags are written in the version's own transaction: a version without its key cannot be left behind
            registry.client.create_model_version(
                registry.name, f"models:/{model_id}", run_id, tags=described, model_id=model_id
            )
            version = registry.find(key)
        assert version is not None
        champion = registry.champion()
        if champion is None or champion.version != version.version:
            registry.client.set_registered_model_alias(registry.name, CHALLENGER, str(version.version))
    return registry.resolve(str(version.version))


def register_again(registry: Registry, gone: Decider, copy: Path | None) -> RegisteredVersion | None:
    """A champion that was deleted, as a new version: from the whole local `copy`, else from what its run logged.

    None where neither is left. It takes no alias.
    """
    with FileLock(registry.settings.home / "registry.lock"):
        run_id = _live_run(registry, gone)
        if copy is not None:
            model_id = _log_copy(registry, copy, run_id, gone.digest)
        else:
            model_id = _logged(registry, gone.run_id, gone.digest) if gone.run_id and gone.digest else None
        if model_id is None:
            return None
        _ensure_registered_model(registry)
        tags = {
            KEY: gone.key,
            SNAPSHOT: gone.snapshot,
            DIGEST: gone.digest,
            REGISTERED_AGAIN_TAG: str(gone.version),
        }
        made = registry.client.create_model_version(
            registry.name, f"models:/{model_id}", run_id, model_id=model_id,
            tags={name: value for name, value in tags.items() if value},
        )  # fmt: skip
        version = registry.resolve(str(made.version))
        if not mlflow_has(registry, version):
            registry.client.delete_model_version(registry.name, str(made.version))
            return None
    return version


def _log_copy(registry: Registry, copy: Path, run_id: str, digest: str) -> str | None:
    """MLflow calls an artifact's folder as the one that it was given, and a local copy is called by its digest."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(copy, Path(scratch) / ARTIFACT)
        return _log(registry, folder, run_id, digest)


def _live_run(registry: Registry, gone: Decider) -> str:
    """The run that made it, or a new one where that was deleted."""
    from mlflow.exceptions import MlflowException

    try:
        run = registry.client.get_run(gone.run_id) if gone.run_id else None
    except MlflowException:
        run = None
    if run is not None and run.info.lifecycle_stage == "active":
        return gone.run_id
    made = registry.client.create_run(registry.experiment_id, run_name=f"version {gone.version} again")
    registry.client.set_terminated(made.info.run_id)
    return str(made.info.run_id)


def _logged(registry: Registry, run_id: str, digest: str) -> str | None:
    """The model that a killed registration logged whole."""
    found = registry.client.search_logged_models(
        [registry.experiment_id], filter_string=f"source_run_id = '{run_id}' AND tags.`{DIGEST}` = '{digest}'"
    )
    return next((str(model.model_id) for model in found if str(model.status) == "READY"), None)


def _log(registry: Registry, bundle: Path, run_id: str, digest: str) -> str:
    from models.inference.scorer import MODEL, ModelFile

    about = ModelFile.model_validate_json(read_part(bundle, MODEL))
    # made first: Model.log would put it in the experiment that is active in this process, not in the run's
    model = registry.client.create_logged_model(
        registry.experiment_id, name=ARTIFACT, source_run_id=run_id, tags={DIGEST: digest}
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # MLflow's own, about its own type hints, when it is imported
        warnings.simplefilter("ignore", DeprecationWarning)  # pandas', about how MLflow compares columns
        import mlflow.pyfunc
        from mlflow.models.model import Model

        Model.log(
            artifact_path=None,
            model_id=model.model_id,
            flavor=mlflow.pyfunc,
            run_id=run_id,
            python_model=str(CODE),
            artifacts={ARTIFACT: str(bundle)},
            signature=_signature(about),
            input_example=_example(),
            pip_requirements=_requirements(about),
        )
    return str(model.model_id)


def _ensure_registered_model(registry: Registry) -> None:
    from mlflow.exceptions import MlflowException

    try:
        registry.client.create_registered_model(registry.name, description="Content-safety classifier")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _signature(about: ModelFile) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = [
        ColSpec("string", name, required=name == "text") for name in ("text", "image", "video", "market")
    ]
    scores = [ColSpec("double", policy) for policy in about.policies]
    told = [ColSpec("string", name) for name in ("action", "unread")]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([*scores, *told]))


def _example() -> Any:
    import pandas as pd

    return pd.DataFrame({"text": [TEXT], "market": ["DE"]})


def _requirements(about: ModelFile) -> list[str]:
    """What an environment needs that serves it: this package with what the model reads with, and what both import."""
    from importlib.metadata import version

    from models.readers import READERS

    extras = sorted({READERS[name].extra for name in about.preset.get("reads", ())})
    named = f"moderato[{','.join(extras)}]" if extras else "moderato"
    return [
        f"{named}=={version('moderato')}",
        *(f"{package}=={version(package)}" for package in PACKAGES),
    ]
