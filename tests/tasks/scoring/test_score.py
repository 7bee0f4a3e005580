import json

import pyarrow.parquet as pq
import pytest
from made_up_snapshot import film
from tiny_model import POLICIES, make_champion

from infra.registry import UnknownVersionError
from tasks.scoring.score import NothingScoredError, score


def write(path, *rows):
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.mark.slow
def test_a_file_is_scored_by_champion_or_version(settings, tmp_path):
    make_champion(settings)
    rows = [{"post_id": f"p{i}", "text": f"plain1 {POLICIES[i % 3]}", "market": "DE"} for i in range(600)]
    source = write(tmp_path / "posts.jsonl", *rows, b"{broken")
    shares = []
    scoring = score.fn(settings, source, tmp_path / "out.parquet", "champion", shares.append)
    assert (scoring.model_version, scoring.posts, scoring.rejected) == (1, 600, {"malformed_json": 1})
    assert scoring.rows[0].row == 601
    assert shares == sorted(shares)
    assert shares[-1] == 1
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["post_id", *POLICIES, "action", "reasons", "unread"]
    assert table["post_id"].to_pylist() == [row["post_id"] for row in rows]
    assert table[POLICIES[0]][0].as_py() > 0.5 > table[POLICIES[0]][1].as_py()
    for row in table.to_pylist():
        assert (row["action"] == "allow") == (row["reasons"] == [])
    score.fn(settings, source, tmp_path / "again.parquet", "1", None)
    assert pq.read_table(tmp_path / "again.parquet") == table
    with pytest.raises(UnknownVersionError) as error:
        score.fn(settings, source, tmp_path / "out.parquet", "7", None)
    assert str(error.value) == "no version '7' of moderato; choose one of: 1 (champion)"
    with pytest.raises(NothingScoredError, match=r"none of the 1 rows .* is a post; row 1: malformed_json"):
        score.fn(settings, write(tmp_path / "bad.jsonl", b"{"), tmp_path / "bad.parquet", "champion", None)
    assert not (tmp_path / "bad.parquet").exists()


@pytest.mark.slow
def test_a_video_that_the_model_does_not_look_at_is_said(settings, tmp_path):
    make_champion(settings)
    (tmp_path / "clip.mp4").write_bytes(film(["red", "blue"]))
    source = write(tmp_path / "posts.jsonl", {"text": "plain1", "video": "clip.mp4"}, {"text": "plain1"})
    score.fn(settings, source, tmp_path / "out.parquet", "champion", None)
    unread = pq.read_table(tmp_path / "out.parquet")["unread"].to_pylist()
    assert [(item["part"], item["reason"]) for item in unread[0]] == [("video", "not_seen")]
    assert unread[1] == []
