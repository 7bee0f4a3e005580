"""Local copies of bundles: each is held against the digest that its version was registered with, at every use."""

from __future__ import annotations

import tempfile
from pathlib import Path

from filelock import FileLock

from infra import forms
from infra.registry.version import Held, RegisteredVersion
from infra.settings import Settings
from models.bundle.manifest import TamperedBundleError, verify
from models.domain.errors import UserError
from models.process.atomic_write import put_in_place

ARTIFACT = "bundle"  # of the logged model: the folder that the bundle lies in
BUNDLES = "bundles"  # under home
MAX_ERROR_CHARACTERS = 200  # characters of another's error


class ForeignVersionError(UserError):
    """A version that Moderato did not register: nothing says which bundle it stands for."""


class LostBundleError(UserError):
    """A version whose bundle is neither in MLflow's artifacts nor, whole, on this machine."""


def copy_of(settings: Settings, digest: str) -> Path:
    """Where this machine keeps the bundle of a digest; raises FormError for what is none."""
    return settings.home.absolute() / BUNDLES / forms.digest(digest)[:16]


def is_whole(folder: Path, digest: str) -> bool:
    """Whether the folder itself holds exactly the bundle of this digest; one behind a link may be another tomorrow."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        return verify(folder) == digest
    except TamperedBundleError:
        return False


def fetch(registry: Held, version: RegisteredVersion) -> Path:
    """The version's bundle in a local folder, every file checked now; a copy that was changed is fetched again.

    Nothing of this machine is moved or deleted before what was fetched is known to be what was registered. Raises
    ForeignVersionError, LostBundleError, TamperedBundleError.
    """
    if version.is_foreign:
        raise ForeignVersionError(
            f"version {version.version} of {registry.name} was not registered by Moderato: its tag moderato.bundle is "
            f"{version.digest[:80]!r} and no digest; choose a version that moderato retrain registered"
        )
    folder = copy_of(registry.settings, version.digest)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / "lock"):
        if not is_whole(folder, version.digest):
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                fetched = _download(registry, version, Path(scratch))
                _check(fetched, version)
                put_in_place(fetched, folder)
    return folder


def mlflow_has(registry: Held, version: RegisteredVersion) -> bool:
    """Whether MLflow gives out the version's whole bundle, whatever this machine has."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            _check(_download(registry, version, Path(scratch)), version)
        except (LostBundleError, TamperedBundleError):
            return False
    return True


def _check(fetched: Path, version: RegisteredVersion) -> None:
    found = verify(fetched)
    if found != version.digest:
        raise TamperedBundleError(
            f"the registry's files of version {version.version} are whole but another bundle's: their manifest is "
            f"{found[:16]}, registered was {version.digest[:16]}; moderato rollback --to VERSION names another"
        )


def _download(registry: Held, version: RegisteredVersion, folder: Path) -> Path:
    """The bundle as the registry has it; raises LostBundleError where it has none. A store that is away says so
    itself, for that may pass.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        root = registry.client.get_model_version_download_uri(registry.name, str(version.version))
        uri = f"{root.rstrip('/')}/artifacts/{ARTIFACT}"
        tracking = registry.settings.tracking_uri
        found = download_artifacts(artifact_uri=uri, dst_path=str(folder), tracking_uri=tracking)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _lost(registry, version, error) from error
    except MlflowException as error:
        if error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"):
            raise
        raise _lost(registry, version, error) from error
    if not Path(found).is_dir():
        raise _lost(registry, version, f"nothing lies at {uri}")
    return Path(found)


def _lost(registry: Held, version: RegisteredVersion, error: object) -> LostBundleError:
    first = str(error).strip().partition("\n")[0][:MAX_ERROR_CHARACTERS]
    return LostBundleError(
        f"the bundle of version {version.version} of {registry.name} is gone from MLflow, and no whole copy is on this "
        f"machine ({first}); bring its artifacts back, or let another decide with moderato rollback --to VERSION"
    )
