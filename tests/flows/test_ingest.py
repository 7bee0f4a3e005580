"""The deployment `ingest`: what it takes, and what it refuses to make."""

import json

import pytest

from flows.ingest import ingest
from infra.ingest.locations import UnreadableError
from infra.lake import open_lake

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def posts(tmp_path):
    """A file of one post in a folder."""
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "posts.jsonl").write_text(json.dumps({"post_id": "one", "text": "a green afternoon"}) + "\n")
    return folder / "posts.jsonl"


def test_a_file_is_taken_as_a_folder_is(settings, posts):
    assert ingest("jsonl", str(posts)).rows == 1
    assert ingest("jsonl", str(posts.parent)).rows == 1
    assert open_lake(settings).posts.open().count_rows() == 1


@pytest.mark.parametrize("given", ["exprots", "exports/post.jsonl", "exports/more/posts.jsonl"])
def test_a_path_that_is_misspelt_is_refused_with_names_near_it_and_never_made(posts, tmp_path, given):
    near = "'posts.jsonl'" if given.endswith("post.jsonl") else "'exports'" if given == "exprots" else ""
    with pytest.raises(
        UnreadableError, match=f"there is nothing at .*{near}.*; give a file, a folder of files"
    ):
        ingest("jsonl", str(tmp_path / given))
    assert not (tmp_path / given).exists()
    assert not (tmp_path / "exports" / "more").exists()


def test_a_landing_folder_that_the_settings_name_must_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv("MODERATO_LANDING_URI", str(tmp_path / "lnading"))
    with pytest.raises(UnreadableError, match="lnading"):
        ingest()
    assert not (tmp_path / "lnading").exists()


def test_the_folder_of_the_home_is_made(settings):
    assert ingest().rows == 0
    assert (settings.home / "landing").is_dir()
