"""A model that reads what pictures say: in training, in its scores, and where it is served."""

import shutil
import sys
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from infra.registry.publish import _requirements
from models.data import decoding
from models.data.said import MARK
from models.data.snapshot import SnapshotRows
from models.distributed.job import Job
from models.domain.content import NotRead, Part
from models.evaluation.predictions import score_splits
from models.inference.scorer import Scorer
from models.readers import READERS
from models.readers.base.reader import NoReaderError, Reader
from models.readers.base.reading import OpenReader, Reading, opened
from models.training.fit import fit
from models.training.presets import preset_named
from models.training.reading import WordsRead, with_words
from tests.support.made_up_snapshot import Row, write_snapshot, written
from tests.support.tiny_model import write_model

pytestmark = pytest.mark.slow
READS = (
    "compact,modalities=text,reads=ocr,vocabulary=400,ngram_bits=12,width=16,epochs=1,minimum_steps=40,folds=0,"
    "respell=0,unmask=false"
)
RUDE, PLAIN = ("vrenk", "grobble", "snarf"), ("turnip", "carrot", "kettle", "garden", "window", "river")
BROKEN = 3  # rows whose picture is none


def memes(count):
    """Every second picture says something rude, and nothing else does; every third post has no caption."""
    rng, rows = np.random.default_rng(0), []
    for number in range(count):
        rude = number % 2 == 0
        words = [rng.choice(RUDE if rude else PLAIN[:3]), rng.choice(PLAIN)]
        caption = " ".join(rng.choice(PLAIN, 4)) if number % 3 else None
        rows.append(Row(caption, written(" ".join(words)), (float(rude),)))
    for number in range(BROKEN):
        rows[number] = Row("a quiet river", b"no picture", (0.0,))
    return rows


@dataclass
class Trained:
    uri: str
    job: Job
    scorer: Scorer

    def on_test(self):
        return score_splits(self.scorer, self.uri, ["calibration", "test"])


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return write_snapshot(
        tmp_path_factory.mktemp("memes"), memes(160), ("profanity",), shares=(0.5, 0.6, 0.7, 1)
    )


def trained(uri, folder, preset):
    kept = str(folder.parent / "kept")
    job = Job(
        snapshot_uri=uri, preset=preset_named(preset), seed=0, folder=folder, threads=1, embeddings=kept
    )
    return Trained(uri, job, Scorer.load(fit(job).model, threads=1))


@pytest.fixture(scope="module")
def reading(uri, tmp_path_factory):
    pytest.importorskip("rapidocr", reason="moderato[ocr] is not installed")
    return trained(uri, tmp_path_factory.mktemp("reading") / "run", READS)


def test_violations_that_only_a_picture_says_are_found_by_who_reads(reading):
    with_ocr = reading.on_test()
    blind = score_splits(replace(reading.scorer, readers=None), reading.uri, ["calibration", "test"])
    labels = with_ocr.labels[:, 0]
    assert average_precision_score(labels, with_ocr.logits[:, 0]) > 0.95
    assert average_precision_score(labels, blind.logits[:, 0]) < 0.75


def test_harmless_words_in_a_picture_raise_no_alarm(reading):
    scored = reading.on_test()
    harmless = scored.logits[scored.labels[:, 0] == 0, 0]
    assert (harmless > 0).mean() < 0.05
    texts = [" ".join(PLAIN), None]
    drawn, bare = reading.scorer.logits(texts, [written("garden kettle"), None])
    assert drawn[0] < 0
    assert bare[0] < 0


def test_training_sees_the_text_that_serving_sees(reading, monkeypatch):
    """Row by row: what the tokeniser, the words and the n-grams learn from is what a score is made of."""
    rows = with_words(SnapshotRows.open(reading.uri), reading.job)
    learned = [text for batch in rows.batches("validation", 7, "text") for text in batch["text"].to_pylist()]
    assert learned == rows.take(rows.positions("validation"), "post_id", "text")["text"].to_pylist()
    plain = SnapshotRows.open(reading.uri).take(rows.positions("validation"), "text", "image")
    served = reading.scorer._said(
        plain["text"].to_pylist(), plain["image"].to_pylist(), (), [[] for _ in learned]
    )
    assert served == learned
    assert all(MARK in text for text in learned)
    assert plain["text"].null_count, "some had no caption, and have words now"


def test_what_could_not_be_read_is_counted_and_told(reading):
    told = WordsRead.told(reading.job.folder)
    assert told == WordsRead(posts=96, with_words=96 - BROKEN, failed=BROKEN)
    assert str(told) == "words were read in what 93 of 96 posts show; of 3 not all could be read"
    missed = reading.scorer.read(
        ["a", "b", "c"], [b"no picture", written("turnip"), None], [None, None, b"film"]
    )
    assert [[(it.part, it.reason) for it in items] for items in missed.unread] == [
        [(Part.IMAGE, NotRead.SKIPPED), (Part.IMAGE, NotRead.UNREADABLE)],
        [(Part.IMAGE, NotRead.SKIPPED)],
        [(Part.VIDEO, NotRead.SKIPPED), (Part.VIDEO, NotRead.UNREADABLE)],
    ]
    assert missed.unread[1][0].detail == "of the image the model reads the words, and sees nothing else"


def test_a_reader_that_falls_over_a_picture_is_told_beside_what_is_not_looked_at(reading):
    def falls(pages):
        raise OSError("no")

    faulty = Reader("faulty", "falls", "ocr", 1, READERS["ocr"].looks, 0.0, lambda threads: falls)
    scorer = replace(reading.scorer, readers=Reading((OpenReader(faulty, 1),)))
    ((looked, read),) = scorer.read(["a"], [written("turnip")]).unread
    assert looked.detail == "of the image the model reads the words, and sees nothing else"
    assert read.detail == "words in the image could not be read: faulty fell over it"


def test_a_model_says_what_its_readers_were_and_a_log_where_they_are_others(reading, tmp_path, caplog):
    edition = READERS["ocr"].edition
    assert f"rapidocr-{version('rapidocr')}" in edition
    assert reading.scorer.about.readers == {"ocr": edition}
    made = reading.job.folder / "model"
    Scorer.load(made, threads=1)
    assert not caplog.records
    told = (made / "model.json").read_text()
    other = Path(shutil.copytree(made, tmp_path / "other"))
    (other / "model.json").write_text(told.replace(edition, "1-1-rapidocr-1.0"))
    Scorer.load(other, threads=1)
    assert [(it.reader, it.learned_with) for it in caplog.records] == [("ocr", "1-1-rapidocr-1.0")]


def test_the_registered_models_environment_has_what_it_reads_with(reading):
    assert _requirements(reading.scorer.about)[0].startswith("moderato[ocr]==")


def test_a_retraining_reads_no_picture_again(reading, tmp_path, monkeypatch):
    opened.cache_clear()  # as in another process
    looked, decode = [], decoding.shown
    monkeypatch.setattr("models.readers.base.reading.shown", lambda *it: looked.append(it[1]) or decode(*it))
    rows = SnapshotRows.open(reading.uri)
    again = with_words(rows, reading.job.model_copy(update={"folder": tmp_path}))
    assert again.read == with_words(rows, reading.job).read
    assert set(looked) == {b"no picture"}, "only what could not be opened is tried again"


def test_a_model_that_reads_is_not_loaded_where_its_library_is_not(reading, monkeypatch):
    opened.cache_clear()
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(NoReaderError, match=r"pip install 'moderato\[ocr\]'"):
        Scorer.load(reading.job.folder / "model")


def test_a_model_of_before_reads_nothing(tmp_path):
    scorer = Scorer.load(write_model(tmp_path), threads=1)
    assert scorer.readers is None
    assert scorer.read(["a"], [written("turnip")]).unread == [()]
