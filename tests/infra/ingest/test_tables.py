"""Tables of people's own: dialects are sniffed, columns meant by a map, values read or refused, never guessed."""

import json
from datetime import datetime
from io import BytesIO

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import rows, versions
from PIL import Image

from infra.ingest.sources import SOURCES
from infra.ingest.summary import nothing_stored
from infra.ingest.tables.guessing import guessed, spoken_of
from infra.ingest.tables.mapping import (
    Categories,
    Label,
    Map,
    MappingError,
    checked,
    command,
    load,
    spoken,
    toml,
)
from infra.ingest.tables.preview import advice, as_stored, guess, sample
from infra.settings import Settings
from models.policies import POLICY_SETS

GUIDELINES = POLICY_SETS["community_guidelines"]
HATE = {"hate_speech": Label(column="Hate")}
PLAIN = Map(columns={"text": "Comment"}, labels=HATE)


@pytest.fixture
def settings(tmp_path):
    """How a table is read knows nothing of where the lake lies, which the tests beside these try on S3 too."""
    return Settings(_env_file=None, home=tmp_path / "home")


def judged(lake, *columns):
    """The judgements by their posts' texts."""
    texts = {row["post_id"]: row["text"] for row in rows(lake.posts, "post_id", "text")}
    return {texts[row["post_id"]]: row["violates"] for row in rows(lake.judgements, "post_id", "violates")}


def sheet(*table, name="Export", before=()):
    book = openpyxl.Workbook()
    page = book.active
    page.title = name
    for row in (*before, *table):
        page.append(row)
    data = BytesIO()
    book.save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("comma.csv", b'Comment,Hate\nGr\xc3\xbc\xc3\x9fe,yes\n"one, two",no\n'),
        ("semicolon.csv", 'Comment;Hate\r\nGrüße;ja\r\n"one, two";nein\r\n'.encode("cp1252")),
        ("excel.csv", "sep=;\r\nComment;Hate\r\nGrüße;WAHR\r\none, two;FALSCH\r\n".encode("cp1252")),
        ("bom.tsv", "\ufeffComment\tHate\nGrüße\t1\none, two\t0\n".encode()),
        ("unicode.txt", "Comment\tHate\r\nGrüße\t1\r\none, two\t0\r\n".encode("utf-16")),
        ("bars.csv", "Comment|Hate\nGrüße|violating\none, two|ok\n".encode()),
        ("list.json", json.dumps([{"Comment": "Grüße", "Hate": True}, {"Comment": "one, two", "Hate": 0}]).encode()),
        ("lines.jsonl", '{"Comment": "Grüße", "Hate": "x"}\n{"Comment": "one, two", "Hate": "n"}\n'.encode()),
        ("columns.json", json.dumps({"Comment": ["Grüße", "one, two"], "Hate": [1, 0]}).encode()),
        ("pandas.json", json.dumps({"Comment": {"0": "Grüße", "1": "one, two"}, "Hate": {"0": 1, "1": 0}}).encode()),
        ("split.json", json.dumps({"columns": ["Comment", "Hate"], "data": [["Grüße", 1], ["one, two", 0]]}).encode()),
        ("within.json", json.dumps({"count": 2, "items": [{"Comment": "Grüße", "Hate": "t"},
                                                          {"Comment": "one, two", "Hate": "f"}]}, indent=1).encode()),
        ("export.xlsx", sheet(["Comment", "Hate"], ["Grüße", True], ["one, two", 0], [None, None])),
        ("titled.xlsx", sheet(["Comment", "Hate"], ["Grüße", "Ja"], ["one, two", "Nein"], before=(["Report"], []))),
    ],
)  # fmt: skip
def test_a_table_is_read_whatever_its_dialect(bring, lake, name, data):
    summary = bring("table", name, data, columns=PLAIN)
    assert summary.rejects.total == 0
    assert judged(lake) == {"Grüße": True, "one, two": False}
    before = versions(lake)
    again = bring("table", name, data, columns=PLAIN)
    assert versions(lake) == before
    assert (again.posts.unchanged, again.judgements.unchanged) == (2, 2)


def test_parquet_keeps_its_types(bring, lake):
    held = pa.table(
        {
            "Comment": ["a kettle", "a teapot"],
            "Hate": pa.array([True, None]),
            "When": pa.array([datetime(2026, 1, 2), None], pa.timestamp("ms")),  # noqa: DTZ001
            "Nr": [2**62, 5],
        }
    )
    data = BytesIO()
    pq.write_table(held, data)
    given = Map(columns={"text": "comment", "created_at": "When", "post_id": "Nr"}, labels=HATE)
    assert bring("table", "a.parquet", data.getvalue(), columns=given).rejects.total == 0
    found = {row["post_id"]: row for row in rows(lake.posts)}
    assert found[str(2**62)]["created_at"].isoformat() == "2026-01-02T00:00:00+00:00"
    assert judged(lake) == {"a kettle": True}


def test_what_was_sniffed_is_said(bring):
    data = "Comment;Hate\nGrüße;ja\n".encode("cp1252")
    told = bring("table", "a.csv", data, columns=PLAIN).noticed.examples
    assert told["sniffed"] == ["a.csv: Windows-1252, semicolons between fields, header in line 1"]
    assert "the same each time" in told["id_from_content"][0]


def test_a_few_bytes_that_are_not_utf8_do_not_change_what_the_file_is(bring, lake):
    data = "Comment,Hate\n" + "Grüße aus Köln,no\n".replace("Köln", "Köln {}") * 1
    lines = data.encode() + b"".join(f"Größe {n},no\n".encode() for n in range(20)) + b"Gr\xfcn,no\n"
    assert bring("table", "a.csv", lines, columns=PLAIN).rejects.by_reason == {"invalid_utf8": 1}


@pytest.mark.parametrize("word", ["vielleicht", "2", "ja/nein", "0.4", "yes?"])
def test_a_word_that_may_be_meant_either_way_is_refused_with_its_column(bring, lake, word):
    summary = bring("table", "a.csv", f"Comment,Hate\nfirst,yes\nsecond,{word}\n", columns=PLAIN)
    assert summary.rejects.by_reason == {"unclear_label": 1}
    assert summary.rejects.examples["unclear_label"][0].startswith(f"Hate: '{word}'")
    assert judged(lake) == {"first": True}


def test_a_blank_is_no_judgement_and_own_words_are_taken(bring, lake):
    given = PLAIN.model_copy(update={"words": {"Spam": "yes", "ham": "no", "?": "unknown"}})
    bring("table", "a.csv", "Comment,Hate\na,spam\nb,HAM\nc,\nd,?\ne,n/a\n", columns=given)
    assert judged(lake) == {"a": True, "b": False}


def test_a_fraction_is_a_threshold_or_a_share_of_votes(bring, lake):
    data = 'Comment,Toxicity,Judges\na,0.3,4\nb,"0,75",4\nc,60%,5\nd,,4\n'
    bring("table", "t.csv", data, columns=spoken(["text=Comment,hate_speech=Toxicity>=0.5"]))
    assert judged(lake) == {"a": False, "b": True, "c": True}
    bring("table", "t.csv", data, columns=spoken(["text=Comment,profanity=Toxicity/Judges"]))
    columns = ("votes", "violating", "violates")
    found = [row for row in rows(lake.judgements) if row["policy"] == "profanity"]
    assert sorted(tuple(row[name] for name in columns) for row in found) == [
        (4, 1, False),
        (4, 3, True),
        (5, 3, True),
    ]


def test_a_column_of_categories_names_policies_or_none_of_them(bring, lake):
    data = "Comment;Labels\na;hate_speech|Profanity\nb;none\nc;spam\nd;[]\ne;\n"
    part = Categories(column="Labels", policies=("hate_speech", "profanity"))
    given = Map(columns={"text": "Comment"}, categories=part, words={"spam": "fraud_and_spam"})
    assert bring("table", "a.csv", data, columns=given).rejects.total == 0
    texts = {row["post_id"]: row["text"] for row in rows(lake.posts, "post_id", "text")}
    found = {(texts[row["post_id"]], row["policy"]): row["violates"] for row in rows(lake.judgements)}
    none = {(text, policy): False for text in "bd" for policy in part.policies}
    assert found == {
        ("a", "hate_speech"): True,
        ("a", "profanity"): True,
        ("c", "fraud_and_spam"): True,
        **none,
    }


def test_a_category_that_is_no_policy_is_refused_with_what_to_do(bring):
    given = Map(columns={"text": "Comment"}, categories=Categories(column="Labels"))
    summary = bring("table", "a.csv", "Comment,Labels\na,vulgar\n", columns=given)
    assert (
        "'vulgar' is no policy; say what it means with --word"
        in summary.rejects.examples["unknown_category"][0]
    )


def test_rows_without_ids_are_the_same_posts_in_another_file(bring, lake):
    bring("table", "one.csv", "Comment,Hate\nfirst,no\nsecond,no\n", columns=PLAIN)
    again = bring("table", "two.csv", "Hate;Comment\nnein;second\nnein;third\n", columns=PLAIN)
    assert (again.posts.unchanged, again.posts.inserted) == (1, 1)


def test_an_id_that_a_spreadsheet_rounded_is_refused(bring):
    given = Map(columns={"text": "Comment", "post_id": "Id"})
    summary = bring(
        "table", "a.xlsx", sheet(["Id", "Comment"], [1234567890123456789, "a"], [12, "b"]), columns=given
    )
    assert summary.rejects.by_reason == {"invalid_post_id": 1}
    assert summary.posts.inserted == 1


def test_a_missing_column_is_told_with_those_that_are_there(bring):
    summary = bring("table", "a.csv", "Coment,Hate\na,no\n", columns=PLAIN)
    error = nothing_stored(summary)
    assert error is not None
    assert "no column 'Comment'; did you mean 'Coment'? It has 'Coment', 'Hate'" in str(error)
    assert error.exit_code == 2


def test_dates_of_spreadsheets_are_read_by_their_form(bring, lake):
    given = spoken(["text=Comment,created_at=Datum"]).model_copy(
        update={"reading": Map().reading.model_copy(update={"dates": "%d.%m.%Y %H:%M"})}
    )
    summary = bring("table", "a.csv", "Comment;Datum\na;2.3.2026 10:15\nb;2026-03-02\nc;\n", columns=given)
    assert summary.rejects.by_reason == {"invalid_time": 1}
    times = {row["text"]: row["created_at"] for row in rows(lake.posts, "text", "created_at")}
    assert times["a"].isoformat() == "2026-03-02T10:15:00+00:00"
    assert times["c"] is None


def test_a_map_is_the_same_as_words_as_a_file_and_as_a_command(tmp_path):
    words = [
        "text=Comment, full,hate_speech=Hate speech,profanity=Toxicity>=0.5,violence=Threat/Judges",
        "author_id=User",
    ]
    given = spoken(words)
    assert given.columns == {"text": "Comment, full", "author_id": "User"}
    assert given.labels["violence"] == Label(column="Threat", votes="Judges")
    path = tmp_path / "map.toml"
    path.write_text(
        toml(given.model_copy(update={"words": {'spam "x"': "yes"}, "constants": {"market": "DE"}}))
    )
    assert load(path).labels == given.labels
    assert load(path).words == {'spam "x"': "yes"}
    assert command(given, "table", "my export.csv").startswith(
        "moderato ingest table 'my export.csv' --map 'text=Comment"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["text"], "write FIELD=COLUMN"),
        (
            ["text=A,hat_speech=B"],
            "'hat_speech' is no field of a post or judgement and no policy of the set; did you mean",
        ),
        (["hate_speech=A"], "a map names the column of a post's text"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused(bring, words, told):
    with pytest.raises(MappingError, match=told):
        bring("table", "a.csv", "A,B\n1,2\n", columns=spoken(words))


def test_a_guess_names_columns_by_what_they_are_called_and_hold():
    columns = {
        "Id": [str(number) for number in range(20)],
        "Kommentar": ["der Wasserkocher ist entkalkt"] * 20,
        "Benutzer": ["a", "b"] * 10,
        "Datum": ["02.11.2026 10:00"] * 20,
        "Hate speech": ["ja", "nein"] * 10,
        "Spam": ["0.25", "1"] * 10,
        "Insults": ["ja", "nein"] * 10,
        "Weird": ["ja", "nein"] * 10,
        "Views": ["3", "4"] * 10,
    }
    found = guessed(columns, GUIDELINES)
    assert found.columns == {
        "text": "Kommentar", "post_id": "Id", "author_id": "Benutzer", "created_at": "Datum", "views": "Views",
    }  # fmt: skip
    assert found.labels == {
        "hate_speech": Label(column="Hate speech"),
        "fraud_and_spam": Label(column="Spam", votes=10),
        "harassment": Label(column="Insults"),
    }
    assert found.reading.dates == "%d.%m.%Y %H:%M"


def test_what_exports_call_a_policy_is_guessed_as_a_word_that_the_map_says():
    columns = {"text": ["hello there, you", "buy it now please"], "label": ["spam;profanity", "none"]}
    found = guessed(columns, GUIDELINES)
    assert found.words == {"spam": "fraud_and_spam"}
    assert command(found, "table", "a.csv").endswith("--word spam=fraud_and_spam")


def test_a_column_of_categories_speaks_of_the_policies_that_it_names():
    assert spoken_of(["hate speech;spam", "none", "profanity"], GUIDELINES, {}) == (
        "hate_speech",
        "fraud_and_spam",
        "profanity",
    )


def test_a_look_shows_what_would_be_stored_and_stores_nothing(settings, lake, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        "Comment;Hate;Other\nder Wasserkocher ist entkalkt;ja;ja\nein zweiter Satz;vielleicht;nein\n"
    )
    seen = sample(settings, "table", str(path), Map())
    given = guess(settings, seen, spoken(["hate_speech=Hate"]))
    first, second = as_stored(settings, seen, given)
    assert first["text"] == "der Wasserkocher ist entkalkt"
    assert json.loads(first["labels"]) == [{"moderator_id": "", "policy": "hate_speech", "violates": True}]
    assert second["problem"].startswith("unclear_label|Hate: 'vielleicht'")
    assert any(
        "column 'Other' looks like a label and nothing maps it" in told for told in advice(seen, given)
    )
    assert versions(lake) == [0, 0, 0]


def test_label_studio_keeps_who_judged_when_and_leaves_out_what_was_cancelled(bring, lake):
    tasks = [
        {"id": 1, "data": {"post_id": "s1", "text": "win a prize"}, "annotations": [
            {"completed_by": 7, "was_cancelled": False, "created_at": "2026-11-02T10:00:00.000001Z",
             "result": [{"type": "choices", "value": {"choices": ["fraud_and_spam"]}}]},
            {"completed_by": {"id": 8}, "was_cancelled": False, "result": []},
            {"completed_by": 9, "was_cancelled": True, "result": []}]},
        {"id": 3, "data": {"post_id": "s3", "text": "nobody looked at this"}, "annotations": []},
    ]  # fmt: skip
    bring("label_studio", "export.json", json.dumps(tasks, indent=1))
    found = rows(lake.judgements)
    assert {row["post_id"] for row in found} == {"s1"}
    assert {row["moderator_id"] for row in found} == {"7", "8"}
    (seven,) = [row for row in found if row["moderator_id"] == "7"]
    assert (seven["policy"], seven["violates"], seven["source"]) == ("fraud_and_spam", True, "moderator")
    assert seven["decided_at"].isoformat() == "2026-11-02T10:00:00.000001+00:00"
    assert {row["violates"] for row in found if row["moderator_id"] == "8"} == {False}


def test_what_a_map_that_ships_may_lack_a_person_may_not(bring):
    comments = "comment_text,insult\na,0.4\n"
    assert bring("jigsaw", "a.csv", comments).judgements.inserted == 1
    summary = bring("jigsaw", "a.csv", comments, columns=spoken(["violence=threats/10"]))
    assert summary.rejects.by_reason == {"missing_column": 1}


def test_a_tick_list_of_label_studio_in_csv_is_a_column_of_categories():
    columns = {
        "text": ["win a prize, call now", "a walk by the lake"],
        "policy": ['{"choices": ["fraud_and_spam", "profanity"]}'],
        "annotator": ["7", "8"],
    }
    found = guessed(columns, GUIDELINES)
    assert found.categories == Categories(column="policy")
    assert found.columns["moderator_id"] == "annotator"


def test_a_map_that_was_kept_is_a_source_as_any_other(bring, lake, tmp_path):
    kept = tmp_path / "map.toml"
    kept.write_text(toml(PLAIN))
    assert bring(str(kept), "a.csv", "Comment,Hate\na kettle,no\n").judgements.inserted == 1
    assert bring("table", "b.csv", "Hate,Comment\nno,a kettle\n", columns=PLAIN).posts.unchanged == 1


def test_pictures_lie_beside_the_table_that_names_them(bring, lake, tmp_path):
    (tmp_path / "in").mkdir()
    data = BytesIO()
    Image.new("RGB", (4, 3), "teal").save(data, "PNG")
    (tmp_path / "in" / "one.png").write_bytes(data.getvalue())
    given = spoken(["image=Picture,graphic_content=Graphic"])
    summary = bring("table", "a.csv", "Picture;Graphic\none.png;no\nnone.png;yes\n", columns=given)
    assert summary.rejects.by_reason == {"missing_image": 1}
    assert [row["image"] for row in rows(lake.posts)] == [data.getvalue()]


def test_maps_that_ship_speak_of_the_policies_of_the_set_in_use():
    own = ("spam", "hate_speech")
    assert checked(SOURCES["label_studio"].reads.map, own).categories.policies == own
    assert set(checked(SOURCES["jigsaw"].reads.map, own).labels) == {"hate_speech"}
    with pytest.raises(MappingError, match="harrasment"):
        checked(Map(columns={"text": "Comment"}, labels={"harrasment": Label(column="Hate")}), own)
