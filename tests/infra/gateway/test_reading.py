"""Where a model reads what pictures say, the gateway reads it off the scoring thread, and decides on the same text."""

import asyncio
import base64
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from infra.gateway.api.moderations import _result
from infra.gateway.api.opening import Openers, Sent
from infra.gateway.errors import ApiError
from infra.gateway.media.decoders import Decoders
from infra.gateway.media.image_fetcher import Fetcher
from infra.gateway.media.images import Picture
from infra.gateway.models.live_models import LoadedModel, Routing
from infra.gateway.models.rows import Content, _said
from infra.settings import Settings
from models.data.said import MARK
from models.data.sound import samples
from models.domain.content import NotRead
from models.inference.scorer import Scorer
from models.readers import READERS
from models.readers.base.reading import opened
from tests.support.made_up_snapshot import drawn, film, picture, written
from tests.support.tiny_model import write_model

PRESET = {"name": "trial", "window": 32, "windows": 4, "reads": ["ocr"]}
WORD = "violence"


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    pytest.importorskip("rapidocr", reason="moderato[ocr] is not installed")
    return Scorer.load(write_model(tmp_path_factory.mktemp("model"), preset=PRESET), threads=1)


@pytest.fixture(scope="module")
def standing(scorer):
    return Routing(LoadedModel("1", "digest", SimpleNamespace(scorer=scorer), {}, scorer.modalities))


@pytest.fixture(scope="module")
def show(standing):
    """Pictures and videos as a request sends them, opened for the standing."""

    async def work(given):
        openers = Openers(Settings(_env_file=None), Fetcher([]))
        sent = [Sent(kind, "base64", base64.b64encode(data).decode(), kind) for kind, data in given]
        try:
            return await openers.opened("key", sent, standing)
        finally:
            openers.close()

    return lambda *given: asyncio.run(work(given))


def test_what_a_picture_says_is_read_as_in_a_score(scorer, standing, show):
    shown = written(WORD)
    (image,) = show(("image", shown))
    content = Content("post", "plain1", image, "ZZ")
    assert content.suits(standing)
    (text,), (missed,) = _said(scorer, [content])
    assert text == f"plain1 {MARK} {WORD}"
    assert missed == []
    given = scorer.logits([text], [image.at(scorer.sight)])
    assert np.allclose(given, scorer.logits(["plain1"], [shown]), atol=1e-5)
    silent = scorer.logits(["plain1"], [image.at(scorer.sight)])
    assert (given - silent).max() > 5, "the word in the picture is what decides"


def test_a_video_is_opened_for_a_model_that_reads_words_in_it_and_sees_nothing_else(scorer, standing, show):
    assert standing.ways("video") == []
    (found,) = show(("video", film([drawn(WORD), drawn("plain2")], seconds=1.0)))
    content = Content("post", None, None, "ZZ", found)
    (text,), _ = _said(scorer, [content])
    assert text == f"{MARK} {WORD} plain2"
    (unread,) = scorer.read([text], [None], [content.video.at(scorer.watch)]).unread
    assert [item.reason for item in unread] == [NotRead.SKIPPED]


def test_a_picture_is_read_once_however_often_it_is_sent(scorer, show, monkeypatch):
    (reader,) = scorer.readers.readers
    shown = written("plain3")
    first = show(("image", shown))[0].read
    monkeypatch.setattr(reader, "of_shown", lambda *_: pytest.fail("it was read again"))
    assert show(("image", shown))[0].read == first


def test_what_a_reader_falls_over_is_told_with_the_decision(scorer, show, monkeypatch):
    (reader,) = scorer.readers.readers
    monkeypatch.setattr(reader, "_lines", lambda pages: 1 / 0)
    (image,) = show(("image", picture("green")))
    (text,), (missed,) = _said(scorer, [Content("post", "plain1", image, "ZZ")])
    assert text == "plain1"
    assert [item.detail for item in missed] == ["words in the image could not be read: ocr fell over it"]


def test_a_picture_whose_words_are_read_is_an_input_that_was_assessed(scorer):
    reads_only = replace(
        scorer, about=scorer.about.model_copy(update={"preset": PRESET | {"modalities": ["text"]}})
    )
    served = LoadedModel("1", "d", SimpleNamespace(scorer=reads_only), {WORD: (WORD,)}, reads_only.modalities)
    content = Content("post", None, Picture(b"", {}), "ZZ")
    (unread,) = reads_only.read([None], [content.image.at(reads_only.sight)]).unread
    row = {
        "scores": [{"policy": WORD, "score": 0.1}],
        "reasons": [],
        "action": "allow",
        "unread": [item.model_dump() for item in unread],
    }
    assert _result(row, content, served)["category_applied_input_types"] == {WORD: ["image"]}


def test_a_broken_picture_is_refused_as_ever(show):
    with pytest.raises(ApiError) as refused:
        show(("image", written(WORD)[:60]))
    assert refused.value.code == "invalid_image"


def test_a_post_that_was_opened_before_there_was_a_reader_is_not_for_one(standing):
    assert not Content("post", None, Picture(b"", dict.fromkeys(standing.sights)), "ZZ").suits(standing)


def test_sound_of_a_video_is_decoded_apart_as_pictures_are():
    decoders, heard = Decoders(1), np.arange(16_000, dtype=np.int16)
    try:
        (seen,) = decoders.decode(
            "video", film(["red"], heard=heard), [*READERS["speech"].looks.values()], 20.0
        )
        (none,) = decoders.decode("video", film(["red"]), [*READERS["speech"].looks.values()], 20.0)
    finally:
        decoders.close()
    assert 15_000 < len(samples(seen.pictures)) < 18_000
    assert samples(none.pictures).tolist() == [0.0]


def test_champion_and_challenger_share_what_reads(scorer, standing):
    both = Routing(standing.champion, standing.champion)
    assert both.readers("image") == [*scorer.readers.readers]
    assert opened(scorer.readers.readers[0].reader, 1) is scorer.readers.readers[0]
