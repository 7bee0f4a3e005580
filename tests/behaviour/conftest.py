"""Models trained on a simulated platform whose truth is known; each is trained once a session, when first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pytest

from infra.lake import Lake
from infra.simulator import Modality, Truth, read_truth, simulate
from infra.snapshots import cut_snapshot, pin_versions
from models.evaluation.metrics import average_precision
from models.inference.scorer import Scorer
from models.policies import POLICY_SETS
from models.training.fit import fit
from models.training.presets import job_on

POSTS, WEEKS = 5000, 4
STEPS = {"epochs": 1, "minimum_steps": 250}


@dataclass(frozen=True)
class Trained:
    """A model, and what it makes of posts that it was not trained on."""

    scorer: Scorer
    truth: Truth
    logits: np.ndarray  # [N, P]

    def average_precision(self, modality: Modality) -> float:
        """Mean over policies: violations that this modality shows against all that is harmless to the policy."""
        shown = self.truth.shown_by(modality)
        found = [self._column(column, shown[:, column]) for column in np.flatnonzero(shown.sum(axis=0) >= 5)]
        return float(np.mean(found))

    def macro_average_precision(self) -> float:
        violates = self.truth.violates
        return float(
            np.mean([self._column(c, violates[:, c]) for c in np.flatnonzero(violates.sum(axis=0) >= 5)])
        )

    def _column(self, column: int, shown: np.ndarray) -> float:
        kept = shown | ~self.truth.violates[:, column]
        once = np.ones((int(kept.sum()), 1), dtype=np.uint8)
        return float(average_precision(shown[kept], self.logits[kept, column], once)[0])


@dataclass(frozen=True)
class Platform:
    lake: Lake
    uri: str
    folder: Path

    def held_out(self) -> pa.Table:
        columns = ["post_id", "text", "image"]
        return lance.dataset(self.uri).to_table(columns=columns, filter="split in ('calibration', 'test')")

    def train(self, **overrides: object) -> Trained:
        name = "-".join(f"{key}={value}" for key, value in overrides.items()) or "both"
        report = fit(
            job_on(self.uri, preset="compact", seed=0, folder=self.folder / name, **{**STEPS, **overrides})
        )
        scorer, posts = Scorer.load(report.model), self.held_out()
        logits = scorer.logits(posts["text"].to_pylist(), posts["image"].to_pylist())
        return Trained(scorer, read_truth(self.lake, posts["post_id"].to_pylist(), scorer.policies), logits)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder = tmp_path_factory.mktemp("platform")
    lake = Lake(str(folder / "lake"))
    simulate(lake, posts=POSTS, weeks=WEEKS, seed=1)
    policy_set = POLICY_SETS["community_guidelines"]
    snapshot = cut_snapshot(lake, pin_versions(lake), policy_set, 0, folder / "workspace")
    return Platform(lake, snapshot.uri, folder)


@pytest.fixture(scope="session")
def trained(platform: Platform) -> object:
    """`trained(**overrides)` is the model of the compact preset with those overrides."""
    return cache(platform.train)
