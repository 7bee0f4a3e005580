"""Weights that encoders begin from: fetched once from where a preset says they are, and known by what they hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from infra.forms import beneath
from infra.objects import Prefix, is_s3
from infra.settings import Settings
from models.domain.errors import UserError
from models.process.atomic_write import whole_folder

REGISTRY, HUB = "models:/", "hf-hub:"
WANTED = ("*.json", "*.safetensors", "*.txt", "*.model")  # of a hub's repository; no pickles


class NoWeightsError(UserError):
    """An address at which no weights lie."""


@dataclass(frozen=True)
class Weights:
    """A local folder, and a digest of the names and bytes of its files."""

    folder: Path
    digest: str


def fetch(settings: Settings, address: str) -> Weights | None:
    """What lies at a preset's `weights`; None where that is empty.

    A folder (one that is not there is looked for in `weights` under home), s3://bucket/prefix, models:/name@alias or
    models:/name/version of the registry, or hf-hub:owner/name. Raises NoWeightsError, UnreachableError.
    """
    if not address:
        return None
    if is_s3(address):
        folder = _from_s3(settings, address)
    elif address.startswith(REGISTRY):
        folder = _from_registry(settings, address)
    elif address.startswith(HUB):
        folder = _from_hub(address.removeprefix(HUB))
    else:
        folder = Path(address) if Path(address).is_dir() else at_hand(settings) / address
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise NoWeightsError(
            f"no weights at {address}; give a folder, s3://bucket/prefix, models:/name@alias or hf-hub:owner/name"
        )
    return Weights(folder, _digest(folder, files))


def at_hand(settings: Settings) -> Path:
    """Where a folder of weights may lie that a preset names by its name alone."""
    return settings.home / "weights"


def held(settings: Settings, family: str, usual: str) -> Path | None:
    """Where a family's weights lie on this machine already: a folder of its name, or the hub's own cache."""
    from huggingface_hub import try_to_load_from_cache

    folder = at_hand(settings) / family
    if folder.is_dir():
        return folder
    found = try_to_load_from_cache(usual.removeprefix(HUB), "config.json") if usual.startswith(HUB) else None
    return Path(found).parent if isinstance(found, str) else None


def _from_s3(settings: Settings, address: str) -> Path:
    """A copy beside those of other versions: the objects' ETags are part of its name.

    Whoever writes to the bucket chooses its keys; one that leads out of the copy is refused.
    """
    place = Prefix.of(settings, address)
    found = [entry for entry in place.list() if entry.key]
    told = "".join(f"{place.whole(entry.key)}\0{entry.etag}\0" for entry in found)
    name = hashlib.sha256(told.encode()).hexdigest()
    folder = settings.work / "weights" / name[:16]

    def download(aside: Path) -> None:
        for entry in found:
            target = beneath(aside, entry.key)
            target.parent.mkdir(parents=True, exist_ok=True)
            place.download(entry.key, target)

    return _fetched_once(folder, download)


def _from_registry(settings: Settings, address: str) -> Path:
    """The artifacts of a version; an alias is followed now, so that a run keeps to one version."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    from infra.registry import Registry

    client = Registry(settings).client
    name, _, alias = address.removeprefix(REGISTRY).partition("@")
    model, _, number = name.partition("/")
    try:
        version = client.get_model_version_by_alias(model, alias).version if alias else number
        # before it is part of a path: MLflow knows no version that is not a number
        source = client.get_model_version_download_uri(model, version)
        folder = settings.work / "weights" / _called(settings, model, int(version), source)

        def download(aside: Path) -> None:
            download_artifacts(source, dst_path=str(aside), tracking_uri=settings.tracking_uri)
            _refuse_links(aside)

        _fetched_once(folder, download)
    except MlflowException as error:
        raise NoWeightsError(f"no weights at {address}: {error.message}") from None
    inside = [path for path in folder.iterdir() if path.is_dir()]
    return inside[0] if len(inside) == 1 and not any(map(Path.is_file, folder.iterdir())) else folder


def _fetched_once(folder: Path, download: Callable[[Path], None]) -> Path:
    """The folder, which `download` fills where it is not there; who asks for the same meanwhile waits for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            with whole_folder(folder) as aside:
                download(aside)
    return folder


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


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(WANTED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise NoWeightsError(
            f"cannot fetch {HUB}{name}: {reason}; fetch it where the hub can be reached, and give its folder"
        ) from None


def _digest(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{own}\0".encode())
    return digest.hexdigest()
