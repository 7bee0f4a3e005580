"""The bundle: what is registered and served. A folder without pickles whose manifest names every file's digest."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import read_part, verify, write_manifest
from models.data.embeddings import Embeddings
from models.domain.content import Action, Reason, Unread
from models.domain.policy import PolicySet
from models.evaluation.calibration import Calibration
from models.evaluation.operating_points import OperatingPoints
from models.inference.precision import INT8, SERVING, Precision
from models.inference.scorer import Encoded, Scorer
from models.process.atomic_write import whole_folder


@dataclass(frozen=True)
class Bundle:
    """A model with its calibration, its policy set and the thresholds that turn scores into actions."""

    scorer: Scorer
    calibration: Calibration
    policy_set: PolicySet
    operating_points: OperatingPoints

    @classmethod
    def load(cls, folder: Path, threads: int = 0, kept: Embeddings | None = None) -> Self:
        """Read a bundle after checking every file; raises TamperedBundleError, and NoReaderError where what its model
        reads with is not installed. `threads` 0 means all cores; `kept`: see Scorer.load.
        """
        verify(folder)
        return cls(
            scorer=Scorer.load(folder, threads=threads, kept=kept),
            calibration=Calibration.model_validate_json(read_part(folder, "calibration.json")),
            policy_set=PolicySet.model_validate_json(read_part(folder, "policy_set.json")),
            operating_points=OperatingPoints.model_validate_json(read_part(folder, "operating_points.json")),
        )

    @property
    def policies(self) -> tuple[str, ...]:
        return self.scorer.policies

    @property
    def assessed(self) -> tuple[str, ...]:
        """The policies that anybody judged a post for, in the order of `policies`: only these have a say."""
        idle = self.operating_points.not_assessed
        return tuple(policy for policy in self.policies if policy not in idle)

    def told(self, scores: NDArray[np.floating]) -> NDArray[np.floating]:
        """Scores [N, P] as they are told: NaN where a policy is not assessed."""
        return np.where(np.isin(self.policies, self.assessed), scores, np.nan)

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


def operating_points_of(folder: Path) -> OperatingPoints:
    """The thresholds that a bundle decides by, without its model; raises TamperedBundleError."""
    verify(folder)
    return OperatingPoints.model_validate_json(read_part(folder, "operating_points.json"))


def policy_set_of(folder: Path) -> PolicySet:
    """The policy set that a bundle decides by, without its model; raises TamperedBundleError."""
    verify(folder)
    return PolicySet.model_validate_json(read_part(folder, "policy_set.json"))


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
    with whole_folder(folder) as aside:
        shutil.copytree(model, aside, dirs_exist_ok=True)
        if int8 is not None:
            shutil.copyfile(int8, aside / INT8)
        parts = {
            "calibration.json": calibration,
            "policy_set.json": policy_set,
            "operating_points.json": points,
            SERVING: precision,
        }
        for name, part in parts.items():
            (aside / name).write_text(part.model_dump_json(indent=1))
        return write_manifest(aside)
