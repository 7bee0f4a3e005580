"""The language of a text whose post names none is told at ingest, where one asks for it and it is plain to see."""

import json
import sys

import pytest
from ingested import rows

from infra.ingest import ingest
from infra.ingest.languages import NoIdentifierError, identifier, language_of

GIVEN = {
    "p-en": (None, "what a lovely evening with all of my friends"),
    "p-de": ("und", "das Wetter ist sch\u00f6n und wir gehen heute in den Garten"),
    "p-ja": ("", "\u4eca\u65e5\u306f\u3044\u3044\u5929\u6c17\u3067\u3059\u306d"),
    "p-th": (None, "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e15\u0e2d\u0e19\u0e40\u0e0a\u0e49\u0e32"),
    "p-said": ("fr", "what a lovely evening with all of my friends"),
    "p-doubtful": (None, "lol"),
    "p-nothing": (None, "\U0001f44d 100"),
    "p-disguised": (None, "what a \u200blo\u200bvely \u0435vening with all of my fri\u0435nds"),
}
FOUND = {"p-en": "en", "p-de": "de", "p-ja": "ja", "p-th": "th", "p-said": "fr", "p-disguised": "en"}


def lines():
    named = {post: {"post_id": post, "text": text} for post, (_, text) in GIVEN.items()}
    for post, (given, _) in GIVEN.items():
        named[post] |= {} if given is None else {"language": given}
    return "".join(json.dumps(row) + "\n" for row in named.values())


def told(lake):
    return {row["post_id"]: row["language"] for row in rows(lake.posts)}


@pytest.fixture
def asking(settings):
    return settings.model_copy(update={"identify_languages": True})


def test_languages_are_told_where_they_are_plain_and_what_a_post_says_stays(asking, lake, tmp_path):
    (tmp_path / "posts.jsonl").write_text(lines())
    assert ingest(asking, "jsonl", str(tmp_path / "posts.jsonl")).posts.inserted == len(GIVEN)
    assert told(lake) == dict.fromkeys(GIVEN, "und") | FOUND
    assert ingest(asking, "jsonl", str(tmp_path / "posts.jsonl")).posts.unchanged == len(GIVEN)


def test_without_the_setting_nothing_is_told(bring, lake):
    bring("jsonl", "posts.jsonl", lines())
    assert told(lake) == dict.fromkeys(GIVEN, "und") | {"p-said": "fr"}


@pytest.fixture
def without_library(monkeypatch):
    identifier.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid", None)
    yield
    identifier.cache_clear()


@pytest.mark.usefixtures("without_library")
def test_a_missing_library_is_said_before_a_file_is_read(asking, tmp_path):
    (tmp_path / "posts.jsonl").write_text(lines())
    with pytest.raises(NoIdentifierError, match=r"pip install 'moderato\[languages\]'"):
        ingest(asking, "jsonl", str(tmp_path / "posts.jsonl"))
    assert not list(tmp_path.rglob("posts.lance"))


@pytest.mark.parametrize("text", ["", " ", "\ud800", "\x00", "a" * 100_000, "\u200b"])
def test_any_text_has_a_language_or_none(text):
    assert isinstance(language_of(text), str)
