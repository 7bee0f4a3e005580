"""From a trained model to a bundle: choose its precision, calibrate it, derive the thresholds of every market."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import lance
import numpy as np

from models.bundle.bundle import Bundle, write_bundle
from models.data.embeddings import Embeddings
from models.data.snapshot import SnapshotRows
from models.domain.policy import PolicySet
from models.evaluation.admission import admission
from models.evaluation.cross_fit import UnjudgedPosts, calibrated, evidence_of
from models.evaluation.operating_points import OperatingPoints
from models.evaluation.predictions import CONTENT, LakePosts, Scored, joined, score_posts, score_splits
from models.evaluation.sufficiency import Tally, judged_splits
from models.inference.precision import INT8, ONNX, Precision
from models.inference.scorer import Feed, Scorer

OBSERVED = 512  # posts of the training split that show how far activations reach
JUDGED: tuple[str, ...] = ("calibration", "validation")  # splits
OUT_OF_FOLD = (
    "out of fold"  # posts of the training split that were scored by models which had not learned from them
)
TIMED = 64  # posts
WARM_UP_POSTS = 4
LATENCY_PERCENTILE = 95  # percentile


@dataclass(frozen=True)
class Assembled:
    """A bundle's digest, and the posts that its thresholds were derived from, as it scores them: judged ones, and those
    that nobody judged, where there are any.
    """

    digest: str
    judged: Scored
    points: OperatingPoints
    tally: Tally
    unjudged: UnjudgedPosts | None


def assemble(
    folder: Path,
    model: Path,
    uri: str,
    policy_set: PolicySet,
    *,
    storage_options: dict[str, str],
    threads: int,
    out_of_fold: Scored | None = None,
    unjudged: LakePosts | None = None,
    kept: Embeddings | None = None,
) -> Assembled:
    """Write the bundle of `model` to `folder`.

    Calibration is fitted on the calibration split; thresholds are derived from that and the validation split; both
    with the scores of the graph that is served. Where the preset asks for eight bits, the two splits decide.

    Where the two splits are small, both come from all posts that the network did not learn from: `out_of_fold` are
    posts of the training split as models scored them that had not learned from these (models.training.cross_fit), and
    where there are none, the test split's join, if they help. Thresholds go by the order of the scores alone, which no
    calibration changes, so that fitting it on the same posts flatters none of them.

    `unjudged` are posts of the lake that nobody judged: where they are another world than the judged ones, calibration
    and thresholds follow, or are withheld (models.evaluation.unjudged). What the model's readers read is `kept`.
    """
    load = partial(Scorer.load, model, threads, kept=kept)
    tally = Tally.of(uri, storage_options)
    with TemporaryDirectory() as scratch:
        choice = _choose(load, model, Path(scratch) / INT8, uri, storage_options)
        parts, names = choice.parts, judged_splits(policy_set, tally, JUDGED)
        if out_of_fold is not None:
            parts, names = [*parts, out_of_fold], (*JUDGED, OUT_OF_FOLD)
        elif names != JUDGED:
            scorer = load(graph=choice.int8)
            parts = [*parts, score_splits(scorer, uri, names[len(JUDGED) :], storage_options)]
        judged = joined(parts)
        outside = _outside(load, choice, parts if out_of_fold is None else parts[:-1], unjudged)
        calibration = calibrated(judged if names != JUDGED else parts[0], outside)
        evidence = evidence_of(calibration, judged, tally.assessed, outside)
        points = OperatingPoints.derive(policy_set, evidence, names)
        digest = write_bundle(
            folder, model, calibration, policy_set, points, precision=choice.precision, int8=choice.int8
        )
    return Assembled(digest, judged, points, tally, outside)


def _outside(
    load: Callable[..., Scorer], choice: Choice, judged: list[Scored], unjudged: LakePosts | None
) -> UnjudgedPosts | None:
    """Beside judged posts that the served model itself scored: those of models out of fold are spread otherwise."""
    if unjudged is None or not unjudged.rows:
        return None
    scorer = load(graph=choice.int8)
    return UnjudgedPosts.beside(joined(judged), score_posts(scorer, unjudged))


@dataclass(frozen=True)
class Choice:
    """What is served: its scores on each judged split, and the graph in eight bits where it is that one."""

    precision: Precision
    parts: list[Scored]
    int8: Path | None


def _choose(
    load: Callable[..., Scorer], model: Path, int8: Path, uri: str, storage_options: dict[str, str]
) -> Choice:
    full = load()
    parts = [score_splits(full, uri, [split], storage_options) for split in JUDGED]
    if not full.about.preset.get("int8"):
        return Choice(full.precision, parts, None)
    from models.bundle.quantization import quantize

    quantize(model / ONNX, int8, _feeds(full, uri, storage_options))
    small = load(graph=int8)
    rounded = [score_splits(small, uri, [split], storage_options) for split in JUDGED]
    precision = admission(joined(parts), joined(rounded))
    if precision.serves == INT8:
        return Choice(precision, rounded, int8)
    return Choice(precision, parts, None)


def _feeds(scorer: Scorer, uri: str, storage_options: dict[str, str]) -> Iterator[Feed]:
    """Posts of the training split at even distances, as the graph is given them."""
    rows = SnapshotRows.open(uri, storage_options)
    positions = rows.positions("train")
    posts = rows.take(positions[:: -(-len(positions) // OBSERVED)], *CONTENT)
    for _, feed in scorer.feeds(*(posts[name].to_pylist() for name in CONTENT)):
        yield feed


def latency(bundle: Bundle, uri: str, storage_options: dict[str, str]) -> float:
    """95th percentile in milliseconds of scoring one post of the snapshot's test split at a time; 0 without posts."""
    dataset = lance.dataset(uri, storage_options=storage_options or None)
    table = dataset.to_table(columns=list(CONTENT), filter="split = 'test'", limit=TIMED)
    posts = list(zip(*(table[name].to_pylist() for name in CONTENT), strict=True))
    taken = []
    for content in posts[:WARM_UP_POSTS] + posts:
        start = time.perf_counter()
        bundle.score(*([item] for item in content))
        taken.append((time.perf_counter() - start) * 1000)
    return float(np.percentile(taken[len(posts[:WARM_UP_POSTS]) :], LATENCY_PERCENTILE)) if posts else 0.0
