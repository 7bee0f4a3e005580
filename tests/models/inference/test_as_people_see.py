"""What a person sees alike scores alike, and what was not seen is said."""

import json

import numpy as np
import pytest
from PIL import Image

from models.domain.content import NotRead, Part
from models.inference.scorer import MODEL, Scorer
from tests.support.renderings import CLIPS, COLOURS, GREYS, saved, scene
from tests.support.tiny_model import write_model

NOISE = 0.06  # of a logit of about 3, for each picture
GRAPHIC = 3  # the policy that red pictures speak for


def loaded(folder, preprocessing=2, **options):
    write_model(folder, **options)
    described = json.loads((folder / MODEL).read_text()) | {"preprocessing": preprocessing}
    (folder / MODEL).write_text(json.dumps(described))
    return Scorer.load(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("model") / "watching", watches=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_picture_scores_the_same_however_it_is_kept(model, seed):
    given = [render(scene(seed)) for render in COLOURS.values()]
    plain = model.logits([None], [saved(scene(seed))])
    for way, score in zip(COLOURS, model.logits([None] * len(given), given), strict=True):
        assert np.abs(score - plain[0]).max() < NOISE, way


def test_grey_scores_the_same_in_any_depth(model):
    grey = scene().convert("L")
    given = [render(grey) for render in GREYS.values()]
    scores = model.logits([None] * len(given), given)
    assert np.abs(scores - scores[0]).max() < NOISE


def test_a_clip_scores_the_same_in_whatever_file_it_comes(model):
    given = [render() for render in CLIPS.values()]
    nothing = [None] * len(given)
    reading = model.read(nothing, nothing, given)
    for way, score in zip(CLIPS, reading.logits, strict=True):
        assert np.abs(score - reading.logits[0]).max() < model.watch.frames * NOISE, way
    assert reading.unread == [()] * len(given)


def test_the_strongest_frame_of_an_animation_decides_beside_posts_without_one(model):
    red, dark = Image.new("RGB", (32, 32), (250, 0, 0)), Image.new("RGB", (32, 32), (0, 0, 0))
    film = saved(dark, "GIF", save_all=True, append_images=[red, dark], duration=50)
    texts = [None, "plain1 plain2", None, "hate_speech"]
    images = [film, None, saved(dark), film]
    together = model.logits(texts, images)
    stills = model.logits(texts, [saved(red), None, saved(dark), saved(red)])
    assert np.allclose(together[:, GRAPHIC], stills[:, GRAPHIC], atol=1e-4)
    alone = [model.logits([text], [image])[0] for text, image in zip(texts, images, strict=True)]
    assert np.allclose(together, alone, atol=1e-5)


def test_what_was_not_seen_of_a_picture_or_a_video_is_said(model, monkeypatch):
    still = saved(Image.new("L", (8, 8), 200), "GIF")
    frame = still[still.rindex(b",\0\0\0\0") : -1]
    monkeypatch.setattr("models.data.video.MAX_VIDEO_PIXELS", 12 * 96 * 64)
    reading = model.read(
        [None] * 4,
        [still[:-1] + frame * 1000 + b";", None, b"no picture", None],
        [None, CLIPS["one key frame"](), None, b"no video"],
    )
    (image,), (video,), (broken,), (lost,) = reading.unread
    assert (image.part, image.reason) == (Part.IMAGE, NotRead.SKIPPED)
    assert image.detail == "frames 601 to 1001 of the animation were not looked at"
    assert (video.part, video.reason) == (Part.VIDEO, NotRead.SKIPPED)
    assert video.detail == "nothing after second 0.5 of 2.0 was looked at"
    assert (broken.part, broken.reason) == (Part.IMAGE, NotRead.UNREADABLE)
    assert (lost.part, lost.reason) == (Part.VIDEO, NotRead.UNREADABLE)


def test_a_model_that_watches_none_says_that_it_did_not_see_the_video(tmp_path):
    reading = loaded(tmp_path / "model").read(["plain1"], [None], [CLIPS["mp4"]()])
    assert [(item.part, item.reason) for item in reading.unread[0]] == [(Part.VIDEO, NotRead.NOT_SEEN)]


def test_a_bundle_of_before_is_served_as_it_was_trained(tmp_path):
    before = loaded(tmp_path / "before", preprocessing=1, watches=True)
    turned, plain = COLOURS["transparent"](scene()), saved(scene())
    old = before.logits([None, None], [turned, plain])
    assert np.abs(old[0] - old[1]).max() > 10 * NOISE
    assert before.watch.preprocessing == before.sight.preprocessing == 1
    now = loaded(tmp_path / "now", watches=True)
    assert np.allclose(now.logits([None], [plain]), old[1:], atol=1e-5)
