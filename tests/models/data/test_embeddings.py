"""Embeddings are computed once for each content, encoder and preprocessing."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Thread

import lance
import numpy as np
import pytest

from models.data import embeddings, kept_table
from models.data.embeddings import Embeddings
from models.data.kept_table import KeptTable, key_of
from models.data.snapshot import SnapshotRows
from tests.support.made_up_snapshot import Row, picture, write_snapshot


@dataclass
class Counting:
    """An encoder whose vectors are the length of what it is given; it remembers what that was."""

    digest: str = "a" * 64
    column: str = "text"
    width: int = 4
    fails_after: int = 1_000_000
    given: list = field(default_factory=list)

    def __call__(self, items, /):
        if len(self.given) >= self.fails_after:
            raise KeyboardInterrupt
        self.given += items
        return np.array([[len(item), 1, 0, 0.5] for item in items], np.float32)


@pytest.fixture
def kept(tmp_path):
    return Embeddings(str(tmp_path / "lake" / "embeddings"))


def test_a_text_is_computed_once_however_often_it_is_asked_for(kept):
    first, second = Counting(), Counting()
    found = kept.of(["one", "three", "one", None, ""], first)
    assert found[:, 0].tolist() == [3, 5, 3, 0, 0]
    assert not found[3:].any()
    assert sorted(first.given) == ["one", "three"]
    again = kept.of(["three", "seven", "one"], second)
    assert again[:, 0].tolist() == [5, 5, 3]
    assert second.given == ["seven"]
    assert kept.held(first) == 3


def test_the_first_reading_is_what_the_second_reads(kept):
    class Fine(Counting):
        def __call__(self, items, /):
            return super().__call__(items) / 3

    assert (kept.of(["one", "two"], Fine()) == kept.of(["one", "two"], Fine())).all()


def test_another_encoder_has_a_table_of_its_own(kept):
    one, other = Counting(), Counting(digest="b" * 64, width=6)
    kept.of(["one"], one)
    assert kept.table(one) != kept.table(other)
    assert kept.held(other) == 0


def test_another_preprocessing_is_another_table(kept, monkeypatch):
    before = kept.table(Counting())
    monkeypatch.setattr(embeddings, "PREPROCESSING", embeddings.PREPROCESSING + 1)
    assert kept.table(Counting()) != before


def test_what_a_killed_run_computed_is_there_for_the_next(kept, monkeypatch):
    monkeypatch.setattr(embeddings, "CHUNK_ITEMS", 4)
    texts = [f"{'x' * number} {number}" for number in range(20)]
    with pytest.raises(KeyboardInterrupt):
        kept.of(texts, Counting(fails_after=8))
    rest = Counting()
    assert kept.of(texts, rest)[:, 0].tolist() == [len(text) for text in texts]
    assert len(rest.given) == 12


def test_texts_of_like_length_are_computed_together(kept):
    encoder = Counting()
    kept.of(["xxx", "x", "xxxxx", "xx"], encoder)
    assert encoder.given == ["x", "xx", "xxx", "xxxxx"]


def test_two_that_compute_the_same_at_once_both_have_it(kept):
    found = {}

    def compute(name):
        found[name] = kept.of([f"text {number}" for number in range(50)], Counting())

    threads = [Thread(target=compute, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found["a"] == found["b"]).all()
    last = Counting()
    assert len(kept.of([f"text {number}" for number in range(50)], last)) == 50
    assert last.given == []


def test_a_large_table_is_looked_up_by_its_index(kept, monkeypatch):
    monkeypatch.setattr(kept_table, "MIN_INDEXED_ROWS", 500)
    monkeypatch.setattr(kept_table, "LARGE_FILE_ROWS", 200)
    monkeypatch.setattr(embeddings, "CHUNK_ITEMS", 100)
    encoder = Counting()
    kept.of([f"text {number}" for number in range(600)], encoder)
    dataset = lance.dataset(kept.table(encoder))
    assert [index.field_names for index in dataset.describe_indices()] == [["key"]]
    batches = list(KeptTable(kept.table(encoder)).rows([key_of("text 7")]))
    assert sum(batch.num_rows for batch in batches) == 1
    more = Counting()
    assert kept.of(["text 7", "a new one"], more)[:, 0].tolist() == [6, 9]
    assert more.given == ["a new one"]


class Wide(Counting):
    width: int = 256

    def __call__(self, items, /):
        self.given += items
        return np.random.default_rng(0).random((len(items), self.width), np.float32)


def bytes_in(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


@pytest.fixture
def _small_tables(monkeypatch):
    """What is said of many rows holds of few."""
    monkeypatch.setattr(kept_table, "MIN_INDEXED_ROWS", 300)
    monkeypatch.setattr(kept_table, "LARGE_FILE_ROWS", 200)
    monkeypatch.setattr(kept_table, "KEPT_VERSIONS", timedelta(0))


@pytest.mark.usefixtures("_small_tables")
def test_a_table_that_grows_call_by_call_takes_little_more_room_than_its_rows(kept):
    calls, rows, encoder = 40, 50, Wide(width=256)
    for call in range(calls):
        kept.of([f"text {call} {number}" for number in range(rows)], encoder)
    live = calls * rows * (encoder.width * 2 + kept_table.KEY_DIGITS)
    assert kept.held(encoder) == calls * rows
    assert live < bytes_in(kept.table(encoder)) < 2 * live


@pytest.mark.usefixtures("_small_tables")
def test_a_large_file_is_not_written_again(kept):
    encoder, first = Counting(), []
    for call in range(12):
        kept.of([f"text {call} {number}" for number in range(100)], encoder)
        files = lance.dataset(kept.table(encoder)).get_fragments()
        first.append(files[0].fragment_id)
    assert len(set(first[2:])) == 1
    assert len(files) <= 1 + 12 * 100 / kept_table.LARGE_FILE_ROWS


def test_many_calls_for_one_text_leave_few_files(kept, monkeypatch):
    monkeypatch.setattr(kept_table, "SMALL_FILES", 5)
    encoder = Counting()
    for number in range(20):
        kept.of([f"text {number}"], encoder)
    assert len(lance.dataset(kept.table(encoder)).get_fragments()) <= 6
    assert kept.held(encoder) == 20


@pytest.mark.parametrize("files", [1, 4], ids=["that is to be indexed", "that is to be merged and indexed"])
def test_of_two_that_tidy_a_table_at_once_one_gives_way(kept, monkeypatch, files):
    """Both hold the table as it was before either began."""
    encoder = Counting()
    for call in range(4):
        kept.of([f"text {call} {number}" for number in range(100)], encoder)
    monkeypatch.setattr(kept_table, "MIN_INDEXED_ROWS", 300)
    monkeypatch.setattr(kept_table, "LARGE_FILE_ROWS", 200)
    if files == 1:
        lance.dataset(kept.table(encoder)).optimize.compact_files()
        monkeypatch.setattr(kept_table, "_is_scattered", lambda _: True)
    handles = [lance.dataset(kept.table(encoder)) for _ in range(2)]
    monkeypatch.setattr(KeptTable, "opened", lambda *_: handles.pop())
    kept._table(encoder).tidy()
    kept._table(encoder).tidy()
    monkeypatch.undo()
    last = Counting()
    assert kept.of(["text 3 7"], last)[0, 0] == len("text 3 7")
    assert last.given == []


def test_rows_of_a_snapshot_are_read_in_blocks(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(embeddings, "BLOCK_ROWS", 4)
    unknown = (float("nan"),) * 3
    rows = [
        Row("x" * number or None, picture("red") if number % 2 else None, unknown) for number in range(10)
    ]
    snapshot = SnapshotRows.open(write_snapshot(tmp_path, rows))
    told = []
    found = kept.of_rows(snapshot, np.arange(10), Counting(), lambda done, of: told.append((done, of)))
    texts = snapshot.take(np.arange(10), "text")["text"].to_pylist()
    assert found[:, 0].tolist() == [len(text or "") for text in texts]
    assert told == [(4, 10), (8, 10), (10, 10)]
    pictures = Counting(column="image", digest="c" * 64)
    seen = kept.of_rows(snapshot, np.arange(10), pictures)
    assert len(pictures.given) == 1  # each red picture is the same
    assert seen.any(axis=1).sum() == 5
