"""From a trained model to a bundle: calibrate it, then derive the thresholds of every market."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import lance
import numpy as np

from models.evaluation.calibration import Calibration
from models.evaluation.operating_points import Evidence, OperatingPoints
from models.evaluation.scored import Scored, score_splits
from models.policy import PolicySet
from models.serving.bundle import Bundle, write_bundle
from models.serving.inference import Scorer
from models.serving.quantisation import choose

TIMED = 64  # posts
WARM_UP = 4
TAIL = 95  # percentile


def assemble(
    folder: Path, model: Path, uri: str, policy_set: PolicySet, *, storage_options: dict[str, str], threads: int
) -> str:  # fmt: skip
    """Write the bundle of `model` to `folder`, replacing what was there; returns its digest.

    What is served is chosen first. Calibration is fitted on the calibration split; thresholds are derived from that
    and the validation split.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model, folder)
    scorer = Scorer.load(folder, threads=threads)
    if scorer.about.preset.get("int8"):
        choose(folder, uri, storage_options, threads)
        scorer = Scorer.load(folder, threads=threads)
    fitting, more = (
        score_splits(scorer, uri, [split], storage_options) for split in ("calibration", "validation")
    )
    calibration = Calibration.fit(scorer.policies, fitting.logits, fitting.labels)
    points = OperatingPoints.derive(policy_set, _evidence(calibration, fitting, more))
    return write_bundle(folder, calibration, policy_set, points)


def latency(bundle: Bundle, uri: str, storage_options: dict[str, str]) -> float:
    """95th percentile in milliseconds of scoring one post of the snapshot's test split at a time; 0 without posts."""
    dataset = lance.dataset(uri, storage_options=storage_options or None)
    table = dataset.to_table(columns=["text", "image"], filter="split = 'test'", limit=TIMED)
    posts = list(zip(table["text"].to_pylist(), table["image"].to_pylist(), strict=True))
    taken = []
    for text, image in posts[:WARM_UP] + posts:
        start = time.perf_counter()
        bundle.score([text], [image])
        taken.append((time.perf_counter() - start) * 1000)
    return float(np.percentile(taken[len(posts[:WARM_UP]) :], TAIL)) if posts else 0.0


def _evidence(calibration: Calibration, *parts: Scored) -> Evidence:
    logits = np.concatenate([part.logits for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    markets = np.concatenate([part.market for part in parts])
    return Evidence(parts[0].policies, calibration(logits), labels, markets)
