"""A model that watches videos learns from judgements of whole videos which moment violates."""

import numpy as np
import pytest

from models.data.video import BrokenVideoError
from models.inference.scorer import NotAModelError, Scorer
from models.training.fit import fit
from models.training.presets import job_on
from tests.support.made_up_snapshot import Row, film, made_up_rows, write_snapshot

pytestmark = pytest.mark.slow

SHOTS, CALM = 8, ("navy", "green", "gray", "teal")
SMALL = {"width": 16, "image_size": 32, "batch_size": 16, "vocabulary": 300, "ngram_bits": 0, "frames": SHOTS}


def shots(rng, red):
    colours = list(rng.choice(CALM, SHOTS))
    if red is not None:
        colours[red] = "red"
    return colours


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    rng = np.random.default_rng(0)
    rows = []
    for number in range(160):
        red = int(rng.integers(SHOTS)) if number % 2 else None
        rows.append(Row(None, None, (np.nan, np.nan, float(number % 2)), film(shots(rng, red))))
    rows[3] = Row("a text beside what is no video", None, (np.nan, np.nan, np.nan), b"no video")
    folder = tmp_path_factory.mktemp("watching")
    uri = write_snapshot(folder, rows)
    report = fit(job_on(uri, preset="video", seed=0, folder=folder / "run", minimum_steps=240, **SMALL))
    return Scorer.load(report.model)


def test_videos_that_it_never_saw_are_told_apart(model):
    rng = np.random.default_rng(1)
    violent = [film(shots(rng, int(rng.integers(SHOTS)))) for _ in range(8)]
    calm = [film(shots(rng, None)) for _ in range(8)]
    nothing = [None] * 16
    scores = model.logits(nothing, nothing, violent + calm)[:, 2]
    assert scores[:8].min() > scores[8:].max()


def test_the_moment_that_violates_scores_highest(model):
    rng = np.random.default_rng(2)
    found = 0
    for red in range(SHOTS):
        seconds, logits = model.moments(film(shots(rng, red)))
        highest = seconds[logits[:, 2].argmax()]
        found += 0.2 * red - 0.05 <= highest < 0.2 * (red + 1) + 0.05
    assert found >= SHOTS - 1


def test_a_video_is_scored_alike_alone_and_among_others(model):
    videos = [film(shots(np.random.default_rng(seed), seed)) for seed in range(4)] + [None, b"broken"]
    nothing = [None] * len(videos)
    together = model.logits(nothing, nothing, videos)
    alone = np.concatenate([model.logits([None], [None], [video]) for video in videos])
    assert np.allclose(together, alone, atol=1e-4)
    assert np.allclose(together[4], together[5], atol=1e-5)


def test_a_broken_video_and_a_model_that_watches_none_say_so(model, tmp_path):
    with pytest.raises(BrokenVideoError, match="no video"):
        model.moments(b"broken")
    uri = write_snapshot(tmp_path, made_up_rows(120))
    report = fit(
        job_on(uri, preset="trial", seed=0, folder=tmp_path / "run", minimum_steps=4, vocabulary=300)
    )
    with pytest.raises(NotAModelError, match="looks at text and image, not at videos"):
        Scorer.load(report.model).moments(b"broken")
