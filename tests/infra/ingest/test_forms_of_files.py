"""Files as people have them: what is taken, and that reasons speak of the file and what to do."""

import gzip
import json
import os
import socket
import subprocess
import sys
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import rows
from PIL import Image

from infra.ingest import ingest
from infra.settings import Settings
from models.domain.errors import UserError

POSTS = [
    {"post_id": f"p{n}", "text": f"a quiet caption {n}", "labels": {"profanity": n % 2 == 0}}
    for n in range(3)
]
LINES = [json.dumps(post) for post in POSTS]
PLAIN = "".join(f"{line}\n" for line in LINES)
PACKED = gzip.compress(PLAIN.encode())
OURS = ("Extra data", "File name too long", "Errno", "<_io", "object at 0x", "Expecting", "codec can't", "Traceback",
        "Error:", "Exception", "line 1 column", "char 0", "NoneType", "_io.", "DuckDB", "pyarrow", "Invalid:",
        "INTERNAL", "zlib")  # fmt: skip


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, home=tmp_path / "home")


def picture():
    data = BytesIO()
    Image.effect_noise((40, 40), 50).convert("RGB").save(data, "JPEG")
    return data.getvalue()


FORMS = {
    "a list": json.dumps(POSTS).encode(),
    "a list, pretty-printed": json.dumps(POSTS, indent=2).encode(),
    "a list in UTF-16": json.dumps(POSTS, indent=1).encode("utf-16"),
    "a list on lines": ("[\n" + ",\n".join(LINES) + "\n]\n").encode(),
    "a list that begins on its first line": ("[" + ",\n".join(LINES) + "]").encode(),
    "objects over several lines": "\n".join(json.dumps(post, indent=2) for post in POSTS).encode(),
    "commas behind lines": ",\n".join(LINES).encode() + b",",
    "UTF-16 as PowerShell writes it": PLAIN.encode("utf-16"),
    "UTF-16 of the other order": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "a byte order mark": PLAIN.encode("utf-8-sig"),
    "line ends of Windows": PLAIN.replace("\n", "\r\n").encode("utf-8-sig"),
    "no last line end": PLAIN.rstrip().encode(),
    "gzip by its bytes": PACKED,
    "gzip in two members": gzip.compress(LINES[0].encode() + b"\n")
    + gzip.compress("\n".join(LINES[1:]).encode()),
    "gzip with noughts behind": PACKED + b"\0" * 600,
    "a packed list": gzip.compress(json.dumps(POSTS, indent=1).encode()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.jsonl.gz"])
def test_json_is_read_in_every_form_that_people_write(bring, lake, form, name):
    summary = bring("jsonl", name, FORMS[form])
    assert summary.rejects.by_reason == {}
    assert {row["post_id"]: row["text"] for row in rows(lake.posts)} == {
        post["post_id"]: post["text"] for post in POSTS
    }
    assert summary.judgements.inserted == 3


TOLD = {
    "invalid_utf8|in Windows-1252 it is 'ü': save the file as UTF-8": PLAIN.encode()
    + '{"text": "Grüße"}'.encode("cp1252"),
    "unreadable_file|UTF-16 (little-endian); save it as UTF-8": PLAIN.encode("utf-16-le"),
    "unreadable_file|UTF-32": PLAIN.encode("utf-32"),
    "unreadable_file|a ZIP archive or an Excel file": b"PK\x03\x04" + b"x" * 50,
    "unreadable_file|packed by zstd": b"\x28\xb5\x2f\xfd" + b"x" * 50,
    "unreadable_file|gzip within gzip": gzip.compress(PACKED),
    "unreadable_file|what follows its gzip data is none": PACKED + b"garbage",
    "unreadable_file|its gzip data ends early": PACKED[:-9],
    "unreadable_file|its gzip data is damaged": PACKED[:30] + bytes([PACKED[30] ^ 255]) + PACKED[31:],
    "unreadable_file|its list is not closed": json.dumps(POSTS, indent=1)[:-3].encode(),
    "malformed_json|as Python prints a dict": (PLAIN + str(POSTS[0] | {"post_id": "q"})).encode(),
    "malformed_json|the line ends before its object does": (PLAIN + '{"text": "a').encode(),
    "malformed_json|begins with 'h'": (PLAIN + "hello").encode(),
    "malformed_json|NaN is no value in JSON": (PLAIN + '{"post_id": "q", "text": NaN}').encode(),
    "duplicate_key|'text' is there twice": (PLAIN + '{"text": "a", "text": "b"}').encode(),
    "duplicate_key|'profanity' is there twice": (
        PLAIN + '{"text": "a", "labels": {"profanity": true, "profanity": false}, "text": "a"}'
    ).encode(),
    "conflicting_labels|twice": (
        PLAIN + '{"text": "a", "labels": {"profanity": true, "profanity": false}}'
    ).encode(),
    "missing_column|did you mean text?": (PLAIN + '{"Text": "a"}').encode(),
}


@pytest.mark.parametrize("told", TOLD)
def test_a_reason_says_what_the_file_is_and_what_to_do(bring, lake, told):
    reason, _, words = told.partition("|")
    summary = bring("jsonl", "a.jsonl", TOLD[told])
    assert summary.rejects.by_reason == {reason: 1}
    [reject] = rows(lake.rejects)
    assert words in reject["detail"]


def test_a_damaged_object_of_a_list_costs_no_other(bring, lake):
    summary = bring(
        "jsonl", "a.json", "[" + json.dumps(POSTS[0], indent=1) + ', {"text" 5}, ' + LINES[1] + "]"
    )
    assert summary.rejects.by_reason == {"malformed_json": 1}
    assert [reject["row"] for reject in rows(lake.rejects)] == [2]
    assert summary.posts.inserted == 2


def test_a_list_that_is_cut_short_gives_what_it_held(bring, lake):
    summary = bring("jsonl", "a.json", json.dumps(POSTS, indent=1)[:-9])
    assert summary.rejects.by_reason == {"unreadable_file": 1}
    assert {row["post_id"] for row in rows(lake.posts)} == {"p0", "p1"}


# Ids, codes and times


def test_ids_are_stripped_and_composed_and_numbers_are_their_digits(bring, lake):
    given = [1436278513418522630, " p1 ", "e\u0301", -5, "12345e67", "1503435956.000247", 2**64 - 1]
    bring(
        "jsonl",
        "a.jsonl",
        "".join(json.dumps({"post_id": each, "text": "t", "author_id": each}) + "\n" for each in given),
    )
    kept = [
        "1436278513418522630",
        "p1",
        "\u00e9",
        "-5",
        "12345e67",
        "1503435956.000247",
        "18446744073709551615",
    ]
    assert sorted(row["post_id"] for row in rows(lake.posts)) == sorted(kept)
    assert sorted(row["author_id"] for row in rows(lake.posts)) == sorted(kept)


@pytest.mark.parametrize("author", [1.4e18, True, ["a"], {"a": 1}, 2**70, "nan"])
def test_a_post_is_not_lost_over_its_author_and_it_is_said(bring, lake, author):
    summary = bring("jsonl", "a.jsonl", json.dumps({"post_id": "p", "text": "t", "author_id": author}))
    assert summary.rejects.total == 0
    assert summary.noticed.by_kind == {"invalid_author_id": 1}
    assert rows(lake.posts, "author_id") == [{"author_id": None}]


def test_codes_have_one_spelling_and_so_a_post_is_the_same(bring, lake):
    first = {"post_id": "p", "text": "t", "market": "UK", "language": "en_gb"}
    bring("jsonl", "a.jsonl", json.dumps(first))
    assert rows(lake.posts, "market", "language") == [{"market": "GB", "language": "en-GB"}]
    assert (
        bring("jsonl", "b.jsonl", json.dumps(first | {"market": " gb", "language": "EN-GB"})).posts.unchanged
        == 1
    )


def test_a_language_that_is_none_is_unknown_and_it_is_said(bring, lake):
    summary = bring("jsonl", "a.jsonl", json.dumps({"post_id": "p", "text": "t", "language": "Klingon"}))
    assert (summary.posts.inserted, summary.noticed.by_kind) == (1, {"unknown_language": 1})
    assert rows(lake.posts, "language") == [{"language": "und"}]


@pytest.mark.parametrize(
    "given", ["2026-01-02T10:00:00Z", "2026-01-02t10:00:00z", 1767348000, 1767348000000, "1767348000000000000",
              "Fri, 02 Jan 2026 10:00:00 +0000", "2026-01-02T15:30:00+05:30", "2026-01-02 11:00:00 Europe/Berlin"]
)  # fmt: skip
def test_a_time_is_one_moment_however_it_is_written(bring, lake, given):
    bring("jsonl", "a.jsonl", json.dumps({"post_id": "p", "text": "t", "created_at": given}))
    assert rows(lake.posts, "created_at") == [{"created_at": datetime(2026, 1, 2, 10, tzinfo=UTC)}]


# Parquet


def table(**columns):
    stored = BytesIO()
    count = len(next(iter(columns.values())))
    held = {
        "post_id": pa.array([f"p{n}" for n in range(count)]),
        "text": pa.array([f"caption {n}" for n in range(count)]),
    }
    pq.write_table(pa.table(held | columns), stored)
    return stored.getvalue()


NUMBERS = pa.array([list(picture()), None], pa.list_(pa.uint8()))
BYTES = [picture(), None]
TAKEN = {
    "image": {
        "binary": pa.array(BYTES), "large": pa.array(BYTES, pa.large_binary()),
        "view": pa.array(BYTES, pa.binary_view()),
        "dictionary": pa.array(BYTES).dictionary_encode(),
        "struct of bytes and path": pa.array([{"bytes": BYTES[0], "path": "nowhere.jpg"}, None]),
        "struct whose bytes are missing": pa.array([{"bytes": BYTES[0], "path": None}, {"bytes": None, "path": None}]),
        "list of numbers": NUMBERS, "large list": NUMBERS.cast(pa.large_list(pa.uint8())),
        "base64": pa.array([b64encode(BYTES[0]).decode(), None]),
    },
    "text": {
        "large": pa.array(["a", "b"], pa.large_string()), "view": pa.array(["a", "b"], pa.string_view()),
        "binary": pa.array([b"a", b"b"]), "fixed": pa.array([b"a", b"b"], pa.binary(1)),
        "dictionary": pa.array(["a", "b"]).dictionary_encode(),
        "binary dictionary": pa.array([b"a", b"b"]).dictionary_encode(),
    },
    "post_id": {
        "numbers": pa.array([2**63 - 1, -(2**63)]), "large numbers": pa.array([2**64 - 1, 1], pa.uint64()),
        "binary": pa.array([b"q0", b"q1"]), "decimals": pa.array([Decimal(1), Decimal(2)], pa.decimal128(20, 0)),
    },
    "views": {
        "with gaps": pa.array([1.0, float("nan")]), "decimals": pa.array([Decimal("1.00"), None], pa.decimal128(9, 2)),
        "small": pa.array([1, None], pa.int8()), "half": pa.array([np.float16(1), None], pa.float16()),
        "wide decimals": pa.array([Decimal("1.00"), None], pa.decimal256(50, 2)),
    },
    "author_id": {"missing numbers": pa.array([float("nan"), None])},
    "labels": {
        "struct": pa.array([{"profanity": True}, None]),
        "noughts and ones": pa.array([{"profanity": 1}, {"profanity": None}], pa.struct([("profanity", pa.int8())])),
        "floats with gaps": pa.array([{"profanity": 1.0}, {"profanity": float("nan")}]),
        "map": pa.array([[("profanity", True)], None], pa.map_(pa.string(), pa.bool_())),
        "map of numbers": pa.array([[("profanity", 1)], [("profanity", 0)]], pa.map_(pa.string(), pa.int8())),
        "JSON": pa.array(['{"profanity": true}', None]), "JSON in bytes": pa.array([b'{"profanity": true}', None]),
        "judgements": pa.array([[{"policy": "profanity", "moderator_id": "m", "violates": True}], None]),
        "nothing": pa.nulls(2),
    },
}  # fmt: skip


@pytest.mark.parametrize("case", [f"{name}: {kind}" for name, kinds in TAKEN.items() for kind in kinds])
def test_a_column_of_a_table_is_read_whatever_its_type(bring, lake, case):
    name, _, kind = case.partition(": ")
    summary = bring("jsonl", "a.parquet", table(**{name: TAKEN[name][kind]}))
    assert (summary.rejects.by_reason, summary.posts.inserted) == ({}, 2)
    held = rows(lake.posts)
    if name == "image":
        assert sorted(row["image"] is not None for row in held) == [False, True]
    if name == "text":
        assert {row["text"] for row in held} == {"a", "b"}
    if name == "labels" and kind != "nothing":
        assert {row["violates"] for row in rows(lake.judgements)} >= {True}
    if name == "views":
        assert {row["views"] for row in held} == {0, 1}


TEN = datetime(2026, 1, 2, 10, tzinfo=UTC)
TIMES = {
    **{unit: pa.array([TEN], pa.timestamp(unit, "UTC")) for unit in ("s", "ms", "us", "ns")},
    "naive": pa.array([TEN.replace(tzinfo=None)], pa.timestamp("us")),
    "offset": pa.array([TEN], pa.timestamp("ms", "+05:30")),
    "zone": pa.array([TEN], pa.timestamp("us", "Asia/Tokyo")),
    "seconds": pa.array([int(TEN.timestamp())]),
    "milliseconds": pa.array([int(TEN.timestamp() * 1000)]),
    "floats": pa.array([TEN.timestamp()]),
    "text": pa.array([TEN.isoformat()]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", TIMES)
def test_a_time_of_a_table_is_one_moment_whatever_its_type(bring, lake, kind):
    assert bring("jsonl", "a.parquet", table(created_at=TIMES[kind])).rejects.by_reason == {}
    assert rows(lake.posts, "created_at") == [{"created_at": TEN}]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_date_is_its_midnight(bring, lake, kind):
    bring("jsonl", "a.parquet", table(created_at=pa.array([date(2026, 1, 2)], kind)))
    assert rows(lake.posts, "created_at") == [{"created_at": TEN.replace(hour=0)}]


@pytest.mark.parametrize("kind", ["s", "ms", "us", "ns"])
def test_a_time_beyond_every_calendar_costs_its_row_alone(bring, lake, kind):
    beyond = 2**45 if kind == "s" else 2**62  # Parquet keeps seconds as milliseconds
    times = pa.array([beyond, -5, None, 1], pa.int64()).view(pa.timestamp(kind))
    summary = bring("jsonl", "a.parquet", table(created_at=times))
    assert set(summary.rejects.by_reason) <= {"invalid_time", "future_time"}
    assert (summary.rejects.total, summary.posts.inserted) == (2, 2)


def spoilt(kind):
    data = [b"good", b"b\xffd", b"fine and long enough for a view"]
    wide = pa.types.is_large_string(kind)
    raw = pa.array(
        data, pa.binary_view() if kind == pa.string_view() else pa.large_binary() if wide else pa.binary()
    )
    return pa.Array.from_buffers(kind, 3, raw.buffers())


SPOILT = {
    "string": spoilt(pa.string()), "large": spoilt(pa.large_string()), "view": spoilt(pa.string_view()),
    "binary": pa.array([b"good", b"b\xffd", b"fine"]),
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), spoilt(pa.string())),
    "dictionary of bytes": pa.array([b"good", b"b\xffd", b"fine"]).dictionary_encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("name", ["text", "post_id", "author_id", "market"])
def test_bytes_that_are_no_text_cost_their_row_whatever_the_type(bring, lake, kind, name):
    column = SPOILT[kind]
    if name == "market":
        column = pa.DictionaryArray.from_arrays(pa.array([None, 1, None], pa.int8()), spoilt(pa.string()))
    summary = bring("jsonl", "a.parquet", table(**{name: column}))
    assert summary.rejects.by_reason == {"invalid_utf8": 1}
    assert [reject["row"] for reject in rows(lake.rejects)] == [2]
    assert len(rows(lake.posts)) == summary.posts.inserted == 2  # which could not be read before


def test_labels_with_bytes_that_are_no_text_cost_their_row(bring, lake):
    keys = pa.MapArray.from_arrays([0, 0, 1, 1], spoilt(pa.string()).slice(1, 1), pa.array([True]))
    summary = bring("jsonl", "a.parquet", table(labels=keys))
    assert (summary.rejects.by_reason, summary.posts.inserted) == ({"invalid_utf8": 1}, 2)


@pytest.mark.parametrize("ids", [pa.array([1.0, 2.0]), pa.array([1.4e18, 1.5e18]), pa.array([True, False])])
def test_ids_that_went_through_a_float_are_refused_with_a_hint(bring, lake, ids):
    summary = bring("jsonl", "a.parquet", table(post_id=ids))
    assert summary.rejects.by_reason == {"invalid_post_id": 2}
    assert all(
        "give a text" in row["detail"] or "export ids as text" in row["detail"] for row in rows(lake.rejects)
    )


REFUSED = {
    "ambiguous_column|2 columns are called text": pa.table(
        [["p"], ["a"], ["b"]], names=["post_id", "text", "text"]
    ),
    "missing_column|did you mean text?": pa.table({"Post_ID": ["p"], "TEXT": ["a"]}),
    "missing_column|it has colour": pa.table({"colour": ["p"]}),
    "wrong_type|column text holds large_list": pa.table({"text": [["a"]]}),
    "wrong_type|column image holds int64": pa.table({"text": ["a"], "image": [1]}),
    "wrong_type|column labels holds int64": pa.table({"text": ["a"], "labels": [1]}),
    "wrong_type|column created_at holds time64": pa.table(
        {"text": ["a"], "created_at": pa.array([1], pa.time64("us"))}
    ),
}


@pytest.mark.parametrize("told", REFUSED)
def test_a_table_that_cannot_be_read_names_the_column_and_what_to_give(bring, lake, told):
    stored = BytesIO()
    pq.write_table(REFUSED[told], stored)
    reason, _, words = told.partition("|")
    assert bring("jsonl", "a.parquet", stored.getvalue()).rejects.by_reason == {reason: 1}
    assert words in rows(lake.rejects)[0]["detail"]


@pytest.mark.parametrize("name", ["Labels", "lables", "LABELS", "label"])
def test_a_column_that_is_nearly_one_is_told_and_not_dropped_in_silence(bring, name):
    summary = bring("jsonl", "a.jsonl", json.dumps({"post_id": "p", "text": "t", name: {"profanity": True}}))
    assert summary.noticed.by_kind == {"similar_column": 1}
    assert summary.noticed.examples["similar_column"] == [f'"{name}" is not read; did you mean labels?']
    stored = BytesIO()
    pq.write_table(pa.table({"text": ["t"], name: [{"profanity": True}]}), stored)
    assert bring("jsonl", "a.parquet", stored.getvalue()).noticed.by_kind == {"similar_column": 1}


@pytest.mark.parametrize("packing", ["brotli", "zstd", "snappy", "gzip", "lz4", "none"])
def test_every_packing_and_tiny_row_groups_are_read(bring, packing):
    stored = BytesIO()
    pq.write_table(pa.table({"text": ["a", "b", "c"]}), stored, compression=packing, row_group_size=1)
    assert bring("jsonl", "a.parquet", stored.getvalue()).posts.inserted == 3


def test_a_table_without_rows_is_no_failure(bring):
    stored = BytesIO()
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), stored)
    assert bring("jsonl", "a.parquet", stored.getvalue()).rows == 0


# Paths and base64


NAMES = ["plain.jpg", "with space.jpg", "UPPER.JPG", "100%25.jpg", "it's.jpg", "a[1].jpg", "photo000",
         unicodedata.normalize("NFC", "M\u00fcller-\uac00.jpg")]  # fmt: skip
PATHS = [
    "pictures/plain.jpg", "./pictures/plain.jpg", "pictures\\plain.jpg", "pictures//plain.jpg", " pictures/plain.jpg ",
    "pictures/with space.jpg", "pictures/with%20space.jpg", "pictures/upper.jpg", "pictures/UPPER.JPG",
    "pictures/Plain.JPG", "pictures/100%25.jpg", "pictures/plain.jpg?v=2", "pictures/it's.jpg", "pictures/a[1].jpg",
    "pictures/photo000", unicodedata.normalize("NFC", "pictures/M\u00fcller-\uac00.jpg"),
    unicodedata.normalize("NFD", "pictures/M\u00fcller-\uac00.jpg"), "pictures/M%C3%BCller-%EA%B0%80.jpg",
]  # fmt: skip


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "in" / "pictures"
    folder.mkdir(parents=True)
    data = picture()
    for name in NAMES:
        (folder / name).write_bytes(data)
    return data


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_another_machine_is_found(bring, lake, pictures, path):
    assert bring("jsonl", "a.jsonl", json.dumps({"image": path})).rejects.by_reason == {}
    assert rows(lake.posts, "image") == [{"image": pictures}]


def encodings(data):
    plain = b64encode(data).decode()
    return {
        "wrapped": "\n".join(plain[at : at + 76] for at in range(0, len(plain), 76)), "unpadded": plain.rstrip("="),
        "for addresses": urlsafe_b64encode(data).decode(), "data": f"data:image/jpeg;base64,{plain}",
        "data in capitals": f"DATA:image/jpeg;charset=x;BASE64,{plain}",
    }  # fmt: skip


@pytest.mark.parametrize("kind", encodings(b""))
def test_base64_is_read_as_people_write_it(bring, lake, kind):
    data = picture()
    assert bring("jsonl", "a.jsonl", json.dumps({"image": encodings(data)[kind]})).rejects.by_reason == {}
    assert rows(lake.posts, "image") == [{"image": data}]


@pytest.mark.parametrize(
    "case",
    [("../secret.jpg", "path_leaves_folder", "leads out of"), ("..\\secret.jpg", "path_leaves_folder", "leads out of"),
     ("%2e%2e/secret.jpg", "path_leaves_folder", "leads out of"),
     ("/etc/passwd.jpg", "path_leaves_folder", "leads out"),
     ("https://cdn.example/a.jpg", "missing_image", "is an address"),
     ("file:///a.jpg", "missing_image", "is an address"),
     ("pictures/none.jpg", "missing_image", "no such file"), ("pictures/", "not_a_file", "folder"),
     ("pipe.jpg", "not_a_file", "a pipe"), ("ring.jpg", "missing_image", "ring.jpg"),
     ("x" * 300 + ".jpg", "missing_image", "xxx"), ("a\u0000b.jpg", "nul_bytes", ""),
     ("AAAA", "broken_image", "base64")],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_or_nowhere_is_said_so(bring, lake, pictures, tmp_path, case):
    path, reason, words = case
    (tmp_path / "secret.jpg").write_bytes(pictures)
    os.mkfifo(tmp_path / "in" / "pipe.jpg")
    (tmp_path / "in" / "ring.jpg").symlink_to("ring.jpg")
    assert bring("jsonl", "a.jsonl", json.dumps({"image": path})).rejects.by_reason == {reason: 1}
    assert words in rows(lake.rejects)[0]["detail"]


# Folders


@pytest.mark.timeout(60)
@pytest.mark.parametrize("source", ["jsonl", "folder"])
def test_what_is_no_file_is_passed_over_and_said_and_nothing_hangs(settings, lake, tmp_path, source):
    place = tmp_path / "in" / "violence"
    place.mkdir(parents=True)
    good = {"jsonl": ("a.jsonl", PLAIN.encode()), "folder": ("a.jpg", picture())}[source]
    (place / good[0]).write_bytes(good[1])
    suffix = good[0][1:]
    os.mkfifo(place / f"pipe{suffix}")
    (place / f"zero{suffix}").symlink_to("/dev/zero")
    (place / f"ring{suffix}").symlink_to(f"ring{suffix}")
    (place / f"gone{suffix}").symlink_to("nowhere")
    (place / f"again{suffix}").symlink_to(place, target_is_directory=True)
    for name in (".DS_Store", "._a" + suffix, "Thumbs.db", f"a{suffix}.part"):
        (place / name).write_bytes(b"\0\0\0\1Bud1")
    (place / "__MACOSX").mkdir()
    (place / "__MACOSX" / good[0]).write_bytes(b"\0")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(place)  # the name of a socket may have 107 characters
        listening.bind(f"ear{suffix}")
        summary = ingest(settings, source, str(tmp_path / "in"))
    assert summary.rejects.by_reason == {}
    assert summary.posts.inserted == {"jsonl": 3, "folder": 1}[source]
    assert summary.noticed.by_kind == {"not_a_file": 6, "leftover": 5}


def test_files_that_a_source_does_not_read_are_said_to_be_there(settings, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("hello")
    (tmp_path / "in" / "a.jsonl").write_text(PLAIN)
    assert ingest(settings, "jsonl", str(tmp_path / "in")).noticed.by_kind == {"other_suffix": 1}


def test_a_pipe_or_a_device_is_no_path_to_ingest(settings, tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in (tmp_path / "pipe.jsonl", "/dev/zero"):
        with pytest.raises(UserError, match="may never end"):
            ingest(settings, "jsonl", str(path))


# Every reason, over everything that is wrong


def test_no_reason_speaks_of_the_parser(settings, lake, tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    spoilt = {
        "image": "x" * 5000,
        "labels": {"profanity": 0.5},
        "created_at": "tomorrow",
        "post_id": 1.5,
        "text": "t",
    }
    lines = [json.dumps({key: value, "text": "t"}) for key, value in spoilt.items() if key != "text"]
    lines += [
        '{"image": "pictures/x.png"}',
        '{"image": "AAAA"}',
        "nonsense",
        "{'a': 1}",
        '{"a": 1',
        "[1]",
        '"x"',
        "1 2",
    ]
    files = {f"{number}.jsonl": data for number, data in enumerate(TOLD.values())}
    files |= {"rows.jsonl": "\n".join(lines).encode(), "no.parquet": b"not parquet", "cut.parquet": b"PAR1" + b"x" * 90,
              "both.parquet": b"PAR1" + b"\xff" * 90 + b"PAR1"}  # fmt: skip
    for name, data in files.items():
        (place / name).write_bytes(data)
    summary = ingest(settings, "jsonl", str(place))
    assert summary.rejects.total > len(TOLD)
    found = [row["detail"] for row in rows(lake.rejects)]
    assert all(found)
    assert [detail for detail in found if any(word in detail for word in OURS)] == []


# Memory

LIMIT = 1000  # MB; a process that imports what ingest needs takes about a third of it

MEASURED = """
import resource, sys
from pathlib import Path
from infra.ingest import ingest
from infra.environment import adopt
from infra.settings import Settings
settings = Settings(_env_file=None, home=Path(sys.argv[2]))
adopt(settings)
summary = ingest(settings, "jsonl", sys.argv[1])
status = Path("/proc/self/status").read_text()
print(summary.rejects.model_dump_json())
print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""


def long_dictionary(path):
    """10 MB that are 10 GB of text."""
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array(["x" * 10_000_000]))
    pq.write_table(pa.table({"text": coded}), path, dictionary_pagesize_limit=1 << 30, compression="none")
    return {"text_too_long": 1000}


def long_pages(path):
    """Some KB that are 2 GB of text."""
    pq.write_table(
        pa.table({"text": ["x" * 100_000_000] * 3}), path, use_dictionary=False, compression="zstd"
    )
    return {"unreadable_file": 1}


def no_posts(path):
    path.write_bytes(b"{}\n" * 2_500_000)
    return {"missing_column": 2_500_000}


def packed(path):
    """2 MB that are 2 GB of lines."""
    with gzip.open(path, "wb") as file:
        for _ in range(200):
            file.write(b" " * (10 << 20))
        file.write(b'\n{"text": "never reached"}\n')
    return {"unreadable_file": 1}


def many_pictures(path):
    """Lines that name one picture, 1.7 GB in all."""
    noise = BytesIO()
    Image.effect_noise((1500, 1500), 90).save(noise, "BMP")
    (path.parent / "one.bmp").write_bytes(noise.getvalue())
    path.write_text("".join(json.dumps({"post_id": str(n), "image": "one.bmp"}) + "\n" for n in range(250)))
    return {}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("make", "name"),
    [(long_dictionary, "a.parquet"), (long_pages, "a.parquet"), (no_posts, "a.jsonl"), (packed, "a.jsonl.gz"),
     (many_pictures, "a.jsonl")],
)  # fmt: skip
def test_memory_is_bounded_by_what_is_held_at_once_and_not_by_what_a_file_unpacks_to(tmp_path, make, name):
    path = tmp_path / name
    expected = make(path)
    command = [sys.executable, "-W", "error", "-c", MEASURED, str(path), str(tmp_path / "home")]
    told, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-2:]
    assert json.loads(told)["by_reason"] == expected
    assert float(peak) < LIMIT
