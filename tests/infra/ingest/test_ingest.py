import json
import threading
from base64 import b64encode
from io import BytesIO

import made_up_snapshot
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import rows, versions
from PIL import Image

from infra.ingest import ingest
from infra.ingest.contract import of_source
from infra.ingest.sources import SOURCES
from models.data.perceptual_hash import image_hashes, video_hashes
from models.domain.errors import UserError

POST = {
    "post_id": "p1",
    "market": "DE",
    "language": "de",
    "text": "ein Wasserkocher",
    "labels": {"profanity": False},
}


def jsonl(*posts):
    return "".join(json.dumps(post) + "\n" for post in posts)


def image(size=(4, 3), kind="PNG"):
    data = BytesIO()
    Image.new("RGB", size, "teal").save(data, kind)
    return data.getvalue()


@pytest.mark.parametrize("name", SOURCES.names())
def test_a_source_keeps_the_contract(name, settings):
    assert of_source(SOURCES[name], settings) == []


def test_a_post_keeps_every_field_and_a_missing_label_is_no_judgement(bring, lake):
    post = POST | {"author_id": "a", "created_at": "2026-03-02T10:15:00+02:00", "views": 7}
    bring("jsonl", "a.jsonl", jsonl(post, {"text": "no more than text", "labels": {"profanity": None}}))
    first, second = sorted(rows(lake.posts), key=lambda row: row["post_id"] != "p1")
    assert first["author_id"] == "a"
    assert first["views"] == 7
    assert first["created_at"].isoformat() == "2026-03-02T08:15:00+00:00"
    assert (second["market"], second["language"], second["created_at"]) == ("ZZ", "und", None)
    assert second["post_id"].startswith("jsonl-")
    judgements = rows(lake.judgements, "post_id", "policy", "violates", "source")
    assert judgements == [{"post_id": "p1", "policy": "profanity", "violates": False, "source": "import"}]


def test_a_post_with_other_content_is_a_new_version(bring, lake):
    bring("jsonl", "a.jsonl", jsonl(POST, POST | {"post_id": "p2"}))
    summary = bring(
        "jsonl",
        "a.jsonl",
        jsonl(POST | {"text": "zwei", "labels": {"profanity": True}}, POST | {"post_id": "p2"}),
    )
    assert summary.posts.model_dump() == {"inserted": 0, "updated": 1, "unchanged": 1}
    assert summary.judgements.model_dump() == {"inserted": 0, "updated": 1, "unchanged": 1}
    assert {row["post_id"]: row["version"] for row in rows(lake.posts)} == {"p1": 2, "p2": 1}


def test_a_dry_run_counts_the_same_and_writes_nothing(bring, lake):
    data = jsonl(POST, {"text": ""})
    tried = bring("jsonl", "a.jsonl", data, dry_run=True)
    assert versions(lake) == [0, 0, 0]
    done = bring("jsonl", "a.jsonl", data)
    assert tried.model_dump(exclude={"seconds", "dry_run"}) == done.model_dump(exclude={"seconds", "dry_run"})


def test_rejects_are_kept_once_however_often_the_file_comes(bring, lake):
    data = jsonl(POST, POST | {"post_id": "p2", "text": " "})
    for _ in range(2):
        assert bring("jsonl", "a.jsonl", data).rejects.by_reason == {"empty_post": 1}
    [reject] = rows(lake.rejects)
    assert (reject["source"], reject["row"], reject["reason"]) == ("jsonl", 2, "empty_post")
    assert reject["file"].endswith("a.jsonl")


def test_equal_rows_are_one_post_with_the_labels_of_both(bring, lake):
    more = POST | {"labels": {"hate_speech": True}}
    summary = bring("jsonl", "a.jsonl", jsonl(POST, more, POST))
    assert (summary.posts.inserted, summary.duplicates, summary.judgements.inserted) == (1, 2, 2)


@pytest.mark.parametrize("other", [{"text": "anders"}, {"labels": {"profanity": True}}])
def test_a_row_that_contradicts_an_earlier_one_is_rejected(bring, lake, other):
    summary = bring("jsonl", "a.jsonl", jsonl(POST, POST | other))
    assert summary.rejects.by_reason == {"conflicting_duplicate": 1}
    assert rows(lake.posts, "text") == [{"text": POST["text"]}]
    assert rows(lake.judgements, "violates") == [{"violates": False}]


def test_parquet_says_the_same_as_jsonl(bring, lake, tmp_path):
    stored = BytesIO()
    pq.write_table(pa.Table.from_pylist([POST | {"image": image()}]), stored)
    bring("jsonl", "a.parquet", stored.getvalue())
    (tmp_path / "in" / "one.png").write_bytes(image())
    before = versions(lake)
    assert bring("jsonl", "a.jsonl", jsonl(POST | {"image": "one.png"})).posts.unchanged == 1
    assert versions(lake) == before


def test_concurrent_ingests_of_one_file_leave_each_post_once(settings, lake, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(jsonl(*(POST | {"post_id": f"p{n}"} for n in range(500))))
    failures = []

    def run():
        try:
            ingest(settings, "jsonl", str(path))
        except Exception as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({row["post_id"] for row in rows(lake.posts)}) == lake.posts.open().count_rows() == 500
    assert lake.judgements.open().count_rows() == 500


def test_an_unknown_source_is_told_the_choices(settings, tmp_path):
    with pytest.raises(
        UserError, match="no source called 'tweets'; choose one of: davidson, fights, folder, jigsaw, jsonl"
    ):
        ingest(settings, "tweets", str(tmp_path))


def test_a_path_that_leads_nowhere_is_told_what_a_path_may_be(settings):
    with pytest.raises(
        UserError, match="nothing at '/no/such'; give a file, a folder of files or s3://bucket/prefix"
    ):
        ingest(settings, "jsonl", "/no/such")


@pytest.mark.parametrize("data", ["", "\n\n"])
def test_a_file_without_rows_is_no_failure(bring, lake, data):
    summary = bring("jsonl", "a.jsonl", data)
    assert (summary.rows, summary.rejects.total) == (0, 0)
    assert versions(lake) == [0, 0, 0]


def test_pictures_and_frames_leave_hashes_beside_their_posts_and_plain_ones_are_said_to_be_dropped(
    bring, lake, tmp_path
):
    def noise(seed):
        data = BytesIO()
        shades = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(shades).resize((90, 60)).save(data, "PNG")
        return data.getvalue()

    def posts(first):
        bring_in = {"p1": first, "p2": image(), "p3": None}
        return jsonl(*({"post_id": name, "text": "a", "image": data and b64encode(data).decode()}
                       for name, data in bring_in.items()))  # fmt: skip

    summary = bring("jsonl", "a.jsonl", posts(noise(0)))
    assert (summary.hashes.kept, summary.hashes.dropped) == (1, 1)
    found = {row["post_id"]: row for row in rows(lake.hashes)}
    assert set(found) == {"p1", "p2"}
    assert found["p1"]["hashes"][0]["bits"] == image_hashes(noise(0))[0].bits
    assert (found["p2"]["hashes"], found["p2"]["dropped"]) == ([], 1)
    assert bring("jsonl", "a.jsonl", posts(noise(0))).hashes.kept == 0
    bring("jsonl", "b.jsonl", posts(noise(1)))
    found = {row["post_id"]: row for row in rows(lake.hashes)}
    assert found["p1"]["hashes"][0]["bits"] == image_hashes(noise(1))[0].bits


def test_frames_of_a_video_are_hashed_with_their_seconds(bring, lake):
    shown = made_up_snapshot.film(["red", "blue"])
    bring("jsonl", "a.jsonl", jsonl({"post_id": "v", "video": b64encode(shown).decode()}))
    (row,) = rows(lake.hashes)
    assert row["dropped"] == len(video_hashes(shown)) > 1
