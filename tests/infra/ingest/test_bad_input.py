import gzip
import json
import struct
import zlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import rows
from PIL import Image

from infra.ingest import ingest, staging

GOOD = {"post_id": "good", "text": "a kettle"}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
DAVIDSON = ",count,hate_speech,offensive_language,neither,class,tweet\n"


@pytest.fixture
def settings(tmp_path):
    from infra.settings import Settings

    return Settings(_env_file=None, home=tmp_path / "home")


def picture(kind="PNG", size=(64, 64)):
    data = BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(data, kind)
    return data.getvalue()


def bomb():
    """A PNG of 40,000 by 40,000 pixels in a few bytes."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


ROWS = {
    "missing_column": {"post_id": "x"},
    "empty_post": {"text": " \n\t"},
    "nul_bytes": {"text": "a\0b"},
    "text_too_long": {"text": "a" * 50_001},
    "label_not_boolean": {"text": "t", "labels": {"profanity": "yes"}},
    "label_not_boolean of another kind": {"text": "t", "labels": {"profanity": 1}},
    "label_not_boolean as a whole": {"text": "t", "labels": "profanity"},
    "unknown_policy": {"text": "t", "labels": {"rudeness": True}},
    "unknown_market": {"text": "t", "market": "XX"},
    "unknown_market by its name": {"text": "t", "market": "Germany"},
    "future_time": {"text": "t", "created_at": TOMORROW},
    "invalid_time": {"text": "t", "created_at": "yesterday"},
    "invalid_time without end": {"text": "t", "created_at": "infinity"},
    "invalid_views": {"text": "t", "views": -1},
    "invalid_post_id": {"text": "t", "post_id": "p" * 201},
    "invalid_post_id from a spreadsheet": {"text": "t", "post_id": 1.43627851341852e18},
    "invalid_post_id from a spreadsheet as text": {"text": "t", "post_id": "1.43627851341852e+18"},
    "invalid_post_id with a fraction": {"text": "t", "post_id": 3.5},
    "invalid_post_id that is too large a number": {"text": "t", "post_id": 2**64},
    "invalid_post_id that is a boolean": {"text": "t", "post_id": True},
    "invalid_post_id that is a list": {"text": "t", "post_id": ["a"]},
    "invalid_post_id that is a document": {"text": "t", "post_id": {"$oid": "65a1"}},
    "invalid_post_id that is blank": {"text": "t", "post_id": " \n"},
    "invalid_time of a zone that means several": {"text": "t", "created_at": "2026-01-02 10:00:00 CST"},
    "label_not_boolean that is deep": {"text": "t", "labels": json.loads("[" * 900 + "]" * 900)},
    "conflicting_duplicate by its folded id": {"text": "t", "post_id": " good\t"},
    "empty_post of signs that draw nothing": {"text": "\u200b\u3164\u00ad"},
    "broken_image": {"image": b64encode(b"no image at all!").decode()},
    "broken_image that is cut": {"image": b64encode(picture()[:-2000]).decode()},
    "broken_image that is a cut JPEG": {"image": b64encode(picture("JPEG")[:-500]).decode()},
    "broken_image that is not base64": {"image": "@@@"},
    "huge_image": {"image": b64encode(bomb()).decode()},
    "missing_image": {"image": "nowhere.png"},
    "path_leaves_folder": {"image": "../secret.png"},
    "path_leaves_folder from the root": {"image": "/etc/ssl/openssl.cnf"},
}


@pytest.mark.parametrize("case", ROWS)
def test_a_bad_row_is_rejected_for_its_reason_and_stops_no_other(bring, lake, case):
    data = "".join(json.dumps(row) + "\n" for row in (GOOD, ROWS[case], GOOD | {"post_id": "last"}))
    summary = bring("jsonl", "a.jsonl", data)
    assert summary.rejects.by_reason == {case.split()[0]: 1}
    assert (summary.rows, summary.posts.inserted) == (3, 2)
    [reject] = rows(lake.rejects)
    assert reject["row"] == 2
    assert len(reject["detail"]) <= 120


LINES = {
    "invalid_utf8": b'{"text": "caf\xe9"}',
    "nul_bytes": b'{"text": "a\0b"}',
    "malformed_json": b'{"text": "a"',
    "malformed_json with two on a line": b'{"text": "a"} {"text": "b"}',
    "malformed_json that is a list": b'["a"]',
    "malformed_json with no number": b'{"text": "a", "views": NaN}',
    "invalid_utf8 as half a surrogate": b'{"text": "\\ud800"}',
    "malformed_json that is deep": b"[" * 100_000,
}


@pytest.mark.parametrize("case", LINES)
def test_a_bad_line_is_rejected_for_its_reason_with_its_number(bring, lake, case):
    summary = bring("jsonl", "a.jsonl", b'{"text": "a"}\n\n' + LINES[case] + b'\n{"text": "b"}')
    assert summary.rejects.by_reason == {case.split()[0]: 1}
    assert {post["text"] for post in rows(lake.posts)} == {"a", "b"}
    assert [reject["row"] for reject in rows(lake.rejects)] == [3]


def test_a_line_of_200_megabytes_is_skipped(settings, lake, tmp_path):
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text": "first"}\n{"text": "')
        for _ in range(200):
            file.write(b"a" * (1 << 20))
        file.write(b'"}\n{"text": "last"}\n')
    summary = ingest(settings, "jsonl", str(path))
    assert summary.rejects.by_reason == {"line_too_long": 1}
    assert {post["text"] for post in rows(lake.posts)} == {"first", "last"}


def test_a_link_out_of_the_folder_is_not_followed(bring, lake, tmp_path):
    (tmp_path / "secret.png").write_bytes(picture())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    assert bring("jsonl", "a.jsonl", '{"image": "link.png"}').rejects.by_reason == {"path_leaves_folder": 1}


TABLES = {
    "missing_column": ("count,class,tweet\n3,2,hello\n", 1),
    "broken_quoting": (
        DAVIDSON + '0,3,0,0,3,2,good\n1,3,0,0,3,2,"never closed\n2,3,0,0,3,2,"fine, too"\n',
        3,
    ),
    "malformed_row": (DAVIDSON + "0,3,0,0,3,2,good\n1,3,0\n", 3),
    "inconsistent_votes": (DAVIDSON + "0,3,0,0,3,2,good\n1,3,9,0,3,2,bad\n", 3),
    "nul_bytes": (DAVIDSON + "0,3,0,0,3,2,good\n1,3,0,0,3,2,b\0d\n", 3),
    "invalid_utf8": (DAVIDSON.encode() + b"0,3,0,0,3,2,good\n1,3,0,0,3,2,b\xffd\n", 3),
    "empty_post": (DAVIDSON + '0,3,0,0,3,2,good\n1,3,0,0,3,2,""\n', 3),
}


@pytest.mark.parametrize("reason", TABLES)
def test_a_bad_record_costs_no_other(bring, lake, reason):
    data, row = TABLES[reason]
    summary = bring("davidson", "a.csv", data)
    assert summary.rejects.by_reason == {reason: 1}
    assert [reject["row"] for reject in rows(lake.rejects)] == [row]
    assert summary.posts.inserted == summary.rows - 1


def test_a_label_that_is_neither_ham_nor_spam_is_rejected(bring):
    assert bring("sms_spam", "a.tsv", "ham\thello\nlamb\thello there\n").rejects.by_reason == {
        "label_not_boolean": 1
    }


def test_a_gzip_file_that_ends_early_gives_what_it_held(bring):
    data = gzip.compress(
        "".join(json.dumps({"text": f"{n} {hash(str(n))}"}) + "\n" for n in range(300_000)).encode()
    )
    summary = bring("jsonl", "a.jsonl.gz", data[:-1000])
    assert summary.rejects.by_reason == {"unreadable_file": 1}
    assert summary.posts.inserted > 1000


def test_a_file_that_is_no_parquet_is_rejected_as_a_whole(bring):
    assert bring("jsonl", "a.parquet", b"not parquet").rejects.by_reason == {"unreadable_file": 1}


def test_text_in_parquet_may_be_wrong_too(bring, lake):
    texts = pa.Array.from_buffers(pa.string(), 3, pa.array([b"good", b"b\xffd", b"b\0d"]).buffers())
    stored = BytesIO()
    pq.write_table(pa.table({"text": texts}), stored)
    summary = bring("jsonl", "a.parquet", stored.getvalue())
    assert summary.rejects.by_reason == {"invalid_utf8": 1, "nul_bytes": 1}
    assert [post["text"] for post in rows(lake.posts)] == ["good"]


def test_a_folder_of_images_is_labelled_by_its_sub_folders(settings, lake, tmp_path):
    for name, data in {
        "violence/a.png": picture(), "no_violence/b.jpg": picture("JPEG"), "bonfire/c.png": picture(size=(8, 8)),
        "violence/notes.doc": b"x", "elsewhere/d.png": picture(size=(9, 9)), "violence/e.png": b"\x89PNG",
        "labels.json": b'{"bonfire": {"dangerous_acts": true}}',
    }.items():  # fmt: skip
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    summary = ingest(settings, "folder", str(tmp_path / "in"))
    assert summary.posts.inserted == 3
    assert summary.rejects.by_reason == {"broken_image": 1, "unknown_policy": 1, "unsupported_file": 1}
    found = {(row["policy"], row["violates"]) for row in rows(lake.judgements)}
    assert found == {("violence", True), ("violence", False), ("dangerous_acts", True)}
    assert all(reject["file"].startswith(str(tmp_path)) for reject in rows(lake.rejects))


def test_of_countless_bad_rows_the_first_are_kept_and_all_are_counted(bring, lake, monkeypatch):
    monkeypatch.setattr(staging, "MAX_REJECTS_OF_A_REASON", 3)
    lines = [b"{broken"] * 50 + [b'{"text": ""}'] * 2 + [b'{"text": "good"}']
    summary = bring("jsonl", "posts.jsonl", b"\n".join(lines))
    assert summary.rejects.by_reason == {"empty_post": 2, "malformed_json": 50}
    assert summary.rows == 53 == summary.posts.inserted + summary.rejects.total
    kept = [(row["row"], row["reason"]) for row in rows(lake.rejects)]
    assert sorted(kept) == [(1, "malformed_json"), (2, "malformed_json"), (3, "malformed_json"),
                            (51, "empty_post"), (52, "empty_post")]  # fmt: skip
