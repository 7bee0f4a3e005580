"""Fights on surveillance cameras, 5-fold cross-validation by clip: the preset `video` beside a regression on motion.

Published for the whole set of 300 clips: accuracy 0.91 with a 3-D network pre-trained on Kinetics-400
(github.com/MohamedSebaie/Fight_Detection_From_Surveillance_Cameras-PyTorch_Project). Nothing here is pre-trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.data.video import Watch, clip
from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.presets import job_on
from tests.benchmarks.frame import Bench, Figure, Seen, at_least, shared_data
from tests.support.made_up_snapshot import Row, write_snapshot

FOLDS, PUBLISHED = 5, 0.91
LOOK = Watch(frames=24, size=32)
MEASURES = {
    "accuracy": lambda fights, logits: accuracy_score(fights, logits > 0),
    "average precision": average_precision_score,
}
FIGURES = {
    name: Figure(
        name=f"fights on surveillance cameras, nothing pre-trained: {name}",
        beside="a regression on motion",
        aim=at_least(1),
    )
    for name in MEASURES
}


def clips() -> tuple[list[bytes], np.ndarray]:
    files = sorted(shared_data("fights").glob("*/*.mp4"))
    return [file.read_bytes() for file in files], np.array([file.parent.name == "fight" for file in files])


def motion(video: bytes) -> np.ndarray:
    """Mean and spread over time of how much each of 16 fields of the picture changes."""
    grey = clip(video, LOOK).frames.mean(axis=1)
    change = np.abs(np.diff(grey, axis=0)).reshape(len(grey) - 1, 4, 8, 4, 8).mean(axis=(2, 4))
    return np.concatenate(
        [change.mean(axis=0).ravel(), change.std(axis=0).ravel(), grey.mean(axis=0).std()[None]]
    )


def watched(
    videos: list[bytes], fights: np.ndarray, train: np.ndarray, test: np.ndarray, folder: Path
) -> np.ndarray:
    """Logits of the test clips by the preset, which validates on a share of what it is given to train on."""
    rng = np.random.default_rng(0)
    order = rng.permutation(train)
    rows = [Row(None, None, (float(fights[place]),), videos[place]) for place in order]
    uri = write_snapshot(folder, rows, ("violence",), shares=(0.85, 1, 1, 1))
    report = fit(job_on(uri, preset="video", seed=0, folder=folder / "run", minimum_steps=400, ngram_bits=0))
    scorer = Scorer.load(report.model)
    nothing = [None] * len(test)
    return scorer.logits(nothing, nothing, [videos[place] for place in test])[:, 0]


def measure(folder: Path) -> Iterator[Seen]:
    videos, fights = clips()
    moved = np.stack([motion(video) for video in videos])
    seen, regressed = np.zeros(len(videos)), np.zeros(len(videos))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(moved, fights)
    for fold, (train, test) in enumerate(folds):
        place = folder / str(fold)
        place.mkdir()
        seen[test] = watched(videos, fights, train, test, place)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(
            moved[train], fights[train]
        )
        regressed[test] = model.decision_function(moved[test])
    for name, value in MEASURES.items():
        ours, theirs = value(fights, seen), value(fights, regressed)
        published = f", published for the whole set, pre-trained: {PUBLISHED}" if name == "accuracy" else ""
        about = f"{ours:.3f} beside {theirs:.3f}, {len(videos)} clips, {FOLDS} folds{published}"
        yield FIGURES[name].seen(ours / theirs, about)


BENCH = Bench(figures=tuple(FIGURES.values()), measure=measure, seeds="0", limit_seconds=2 * 3600)
