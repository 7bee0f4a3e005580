"""The bundle: what is registered and served. A folder without pickles whose manifest names every file's digest."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.content import Action, Reason, Unread
from models.errors import UserError
from models.evaluation.calibration import Calibration
from models.evaluation.operating_points import OperatingPoints
from models.policy import PolicySet
from models.serving.inference import Encoded, Scorer
from models.serving.precision import INT8, SERVING, Precision

MANIFEST = "manifest.json"


class TamperedBundleError(UserError):
    """A bundle whose files are not the ones that its manifest names."""


@dataclass(frozen=True)
class Bundle:
    """A model with its calibration, its policy set and the thresholds that turn scores into actions."""

    scorer: Scorer
    calibration: Calibration
    policy_set: PolicySet
    operating_points: OperatingPoints

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> Self:
        """Read a bundle after checking every file; raises TamperedBundleError. `threads` 0 means all cores."""
        verify(folder)
        return cls(
            scorer=Scorer.load(folder, threads=threads),
            calibration=Calibration.model_validate_json(_read(folder, "calibration.json")),
            policy_set=PolicySet.model_validate_json(_read(folder, "policy_set.json")),
            operating_points=OperatingPoints.model_validate_json(_read(folder, "operating_points.json")),
        )

    @property
    def policies(self) -> tuple[str, ...]:
        return self.scorer.policies

    def score(
        self, texts: Sequence[str | None], images: Sequence[Encoded], videos: Sequence[Encoded] = ()
    ) -> NDArray[np.floating]:
        """Calibrated probabilities [N, P], one column a policy in the order of `policies`."""
        return self.read(texts, images, videos)[0]

    def read(
        self, texts: Sequence[str | None], images: Sequence[Encoded], videos: Sequence[Encoded] = ()
    ) -> tuple[NDArray[np.floating], list[tuple[Unread, ...]]]:
        """The same, and of each post what was not read."""
        found = self.scorer.read(texts, images, videos)
        return self.calibration(found.logits), found.unread

    def decide(
        self, scores: NDArray[np.floating], markets: Sequence[str | None]
    ) -> tuple[list[Action], list[tuple[Reason, ...]]]:
        """The action on each post and its reasons, strongest first; None stands for an unknown market."""
        return self.operating_points.decide(scores, markets)


def write_bundle(
    folder: Path,
    model: Path,
    calibration: Calibration,
    policy_set: PolicySet,
    points: OperatingPoints,
    *,
    precision: Precision,
    int8: Path | None,
) -> str:
    """Make a bundle of the files in `model`; returns the digest of its manifest. Replaces what `folder` held.

    `int8` is the graph in eight bits where that is what `precision` serves; the one in float stays beside it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model, folder)
    if int8 is not None:
        shutil.copyfile(int8, folder / INT8)
    parts = {
        "calibration.json": calibration,
        "policy_set.json": policy_set,
        "operating_points.json": points,
        SERVING: precision,
    }
    for name, part in parts.items():
        (folder / name).write_text(part.model_dump_json(indent=1))
    files = {
        name: {"sha256": _digest(folder / name), "bytes": (folder / name).stat().st_size}
        for name in _files(folder)
    }
    (folder / MANIFEST).write_text(json.dumps({"format": 1, "files": files}, indent=1))
    return _digest(folder / MANIFEST)


def verify(folder: Path) -> str:
    """The digest of the manifest, after checking that the folder holds exactly the files it names, and no links."""
    manifest = _read(folder, MANIFEST)
    linked = sorted(path.name for path in folder.rglob("*") if path.is_symlink())
    if linked:  # what a link leads to can change after this check
        raise TamperedBundleError(f"bundle {folder} holds links: {', '.join(linked)}; fetch it again")
    try:
        expected = {name: entry["sha256"] for name, entry in json.loads(manifest)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TamperedBundleError(
            f"{folder / MANIFEST} is no manifest: {error}; fetch the bundle again"
        ) from error
    astray = sorted(name for name in expected if not _is_plain(name))
    if astray:
        raise TamperedBundleError(
            f"{folder / MANIFEST} names what is no file below it: {', '.join(map(repr, astray))}; fetch it again"
        )
    found = {name: _digest(folder / name) for name in _files(folder)}
    wrong = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if wrong:
        raise TamperedBundleError(
            f"bundle {folder} was changed after it was made: {', '.join(wrong)}; delete the folder and fetch it again"
        )
    return _digest(folder / MANIFEST)


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum((folder / name).stat().st_size for name in [*_files(folder), MANIFEST])


def _files(folder: Path) -> list[str]:
    inside = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in inside if name != MANIFEST)


def _is_plain(name: str) -> bool:
    """Whether this is a relative path that goes down only."""
    parts = name.split("/")
    return not ({"", ".", ".."} & set(parts) or "\\" in name or "\0" in name)


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise TamperedBundleError(f"{folder} is no bundle: {name} is missing; fetch it again") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
