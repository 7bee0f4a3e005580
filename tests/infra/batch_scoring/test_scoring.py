import base64
import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up_snapshot import film
from tiny_model import picture

from infra.batch_scoring import ScoreFile, read_posts, reading
from infra.batch_scoring.reading import UnreadablePostsError
from infra.batch_scoring.writing import UnwritableScoresError
from models.domain.content import MAX_TEXT, Reason, Unread


def write(path, *rows):
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines))
    return path


def read(path):
    batches = list(read_posts(path))
    posts = [post for batch in batches for post in batch.posts]
    bad = [(reject.row, reject.reason) for batch in batches for reject in batch.bad]
    return posts, bad


def test_json_lines_and_parquet_read_alike(tmp_path):
    (tmp_path / "red.png").write_bytes(picture(200))
    rows = [
        {"post_id": "a", "text": "plain1", "market": "DE", "labels": {"violence": True}},
        {"post_id": "b", "text": None, "image": "red.png", "market": None},
        {"post_id": "", "text": "plain2", "image": base64.b64encode(picture(9)).decode(), "market": "JP"},
    ]
    lines, bad = read(write(tmp_path / "posts.jsonl", *rows))
    columns = [{name: row.get(name) for name in ("post_id", "text", "image", "market")} for row in rows]
    pq.write_table(pa.Table.from_pylist(columns), tmp_path / "posts.parquet")
    assert read(tmp_path / "posts.parquet") == (lines, [])
    assert bad == []
    assert [post.post_id for post in lines] == ["a", "b", "row-3"]
    assert lines[1].image == picture(200)


@pytest.mark.parametrize("name", ["posts.json", "posts.json.gz"])
def test_a_list_of_posts_is_read_as_its_lines_would_be(tmp_path, name):
    rows = [{"post_id": "a", "text": "plain1", "market": "DE"}, {"text": "plain2"}]
    data = json.dumps(rows, indent=1).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert read(tmp_path / name) == read(write(tmp_path / "posts.jsonl", *rows))


def test_a_row_that_is_no_post_is_named_and_the_rest_goes_on(tmp_path):
    path = write(
        tmp_path / "posts.jsonl", b"{broken", {"post_id": "empty", "text": "  "}, {"text": "plain1"}, b"[]",
        {"text": 5},
        {"image": "../secret.png"}, {"image": "absent.png"}, {"image": base64.b64encode(b"no picture").decode()},
        {"text": "x" * (MAX_TEXT + 1)}, b'{"text": "\xff"}',
    )  # fmt: skip
    posts, bad = read(path)
    assert [post.post_id for post in posts] == ["row-3"]
    assert bad == [
        (1, "malformed_json"), (2, "empty_post"), (4, "malformed_json"), (5, "text_no_string"),
        (6, "path_leaves_folder"), (7, "missing_image"), (8, "broken_image"), (9, "text_too_long"),
        (10, "invalid_utf8"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.jsonl", "there is no file {path!r}; give a .jsonl, .json or .parquet file of posts"),
        ("posts.csv", "'posts.csv' is neither .jsonl, .json nor .parquet; rename it or convert it"),
    ],
)
def test_a_file_that_holds_no_posts_is_one_clear_line(tmp_path, name, message):
    (tmp_path / "posts.csv").write_text("a,b\n")
    path = tmp_path / name
    with pytest.raises(UnreadablePostsError) as error:
        read(path)
    assert str(error.value) == message.format(path=str(path))


def test_a_broken_parquet_file_is_one_clear_line(tmp_path):
    (tmp_path / "posts.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(UnreadablePostsError, match="is no Parquet file"):
        read(tmp_path / "posts.parquet")


def test_scores_that_cannot_be_written_are_one_clear_line(tmp_path):
    with pytest.raises(UnwritableScoresError) as error:
        ScoreFile(tmp_path / "no" / "out.parquet", ["a"])
    assert str(error.value) == (
        f"cannot write {str(tmp_path / 'no' / 'out.parquet')!r}: No such file or directory; choose another place"
    )


def score_two(path):
    reason = Reason(policy="a", score=0.75, threshold=0.5, action="remove", market="DE")
    unread = Unread(part="video", reason="not_seen", detail='says "no", and ends')
    with ScoreFile(path, ["a", "b"]) as file:
        file.write(
            ["1", "zwei, drei"],
            np.array([[0.75, 0.1], [0.25, 0.5]]),
            ["remove", "allow"],
            [[reason], []],
            [[], [unread]],
        )
    return path


def test_a_spreadsheet_reads_the_csv_that_scores_are_written_to(tmp_path):
    """The first bytes of Parquet, PAR1, once stood in a file that its owner had called out.csv."""
    table = pd.read_csv(score_two(tmp_path / "out.csv"), dtype={"post_id": str})
    assert [*table.columns] == ["post_id", "a", "b", "action", "reasons", "unread"]
    assert table["post_id"].tolist() == ["1", "zwei, drei"]
    assert table["a"].tolist() == [0.75, 0.25]
    assert table["action"].tolist() == ["remove", "allow"]
    assert json.loads(table["reasons"][0])[0]["threshold"] == 0.5
    assert table["reasons"].isna().tolist() == [False, True]
    assert json.loads(table["unread"][1])[0]["detail"] == 'says "no", and ends'


def test_every_format_says_the_same(tmp_path):
    rows = pq.read_table(score_two(tmp_path / "out.parquet")).to_pylist()
    lines = score_two(tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows


@pytest.mark.parametrize("name", ["out.xlsx", "out", "out.csv.gz"])
def test_a_format_that_scores_are_not_written_in_is_said_before_anything_is_done(tmp_path, name):
    with pytest.raises(UnwritableScoresError, match=r"call it out(\.csv)?\.parquet, .*\.csv or .*\.jsonl"):
        ScoreFile(tmp_path / name, ["a"])
    assert [*tmp_path.iterdir()] == []


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    out = tmp_path / "out.parquet"
    out.write_text("what was there")
    with pytest.raises(KeyboardInterrupt), ScoreFile(out, ["a"]):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    assert out.read_text() == "what was there"


def test_videos_are_read_as_ingest_reads_them(tmp_path):
    """From lines and from tables, by path, as bytes and in base64; one that no decoder takes is named."""
    data = film(["red", "blue"])
    (tmp_path / "clip.mp4").write_bytes(data)
    (tmp_path / "torn.mp4").write_bytes(data[:200])
    given = ["clip.mp4", base64.b64encode(data).decode(), "torn.mp4", "absent.mp4"]
    rows = [{"post_id": f"v{number}", "video": video} for number, video in enumerate(given)]
    refused = [(3, "broken_video"), (4, "missing_video")]
    posts, bad = read(write(tmp_path / "posts.jsonl", *rows))
    assert [(post.post_id, post.video) for post in posts] == [("v0", data), ("v1", data)]
    assert bad == refused
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "posts.parquet")
    assert read(tmp_path / "posts.parquet") == (posts, refused)
    pq.write_table(pa.Table.from_pylist([{"video": {"bytes": data}}]), tmp_path / "bytes.parquet")
    assert [post.video for post in read(tmp_path / "bytes.parquet")[0]] == [data]


def test_a_reader_of_pictures_alone_takes_no_row_that_is_a_video_alone(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(film(["red"]))
    path = write(
        tmp_path / "posts.jsonl",
        {"video": "clip.mp4"},
        {"post_id": "b", "text": "plain", "video": "clip.mp4"},
    )
    (batch,) = read_posts(path, ("image",))
    assert [(post.post_id, post.video) for post in batch.posts] == [("b", None)]
    assert [(bad.row, bad.reason) for bad in batch.bad] == [(1, "empty_post")]


def test_videos_are_held_no_more_at_once_than_their_bytes_allow(tmp_path, monkeypatch):
    data = film(["red", "blue"])
    monkeypatch.setattr(reading, "MEDIA_BYTES", 2 * len(data))
    (tmp_path / "clip.mp4").write_bytes(data)
    path = write(
        tmp_path / "posts.jsonl", *[{"text": f"t{number}", "video": "clip.mp4"} for number in range(7)]
    )
    assert [len(batch.posts) for batch in read_posts(path)] == [3, 3, 1]
