"""Embeddings are computed once for each content, encoder and preprocessing."""

from dataclasses import dataclass, field
from threading import Thread

import lance
import numpy as np
import pytest

from models.data import embeddings, kept_table
from models.data.embeddings import Embeddings
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
    encoder = Counting()
    kept.of([f"text {number}" for number in range(600)], encoder)
    dataset = lance.dataset(kept.table(encoder))
    assert [index.field_names for index in dataset.describe_indices()] == [["key"]]
    batches = list(kept_table.KeptTable(kept.table(encoder)).rows([kept_table.key_of("text 7")]))
    assert sum(batch.num_rows for batch in batches) == 1
    more = Counting()
    assert kept.of(["text 7", "a new one"], more)[:, 0].tolist() == [6, 9]
    assert more.given == ["a new one"]


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
