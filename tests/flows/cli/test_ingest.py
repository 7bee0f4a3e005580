import json
import shlex
import subprocess
import sys

import pytest


@pytest.fixture
def posts(tmp_path):
    path = tmp_path / "posts.jsonl"
    path.write_text('{"post_id": "p", "text": "a kettle", "labels": {"profanity": false}}\n{"text": ""}\n')
    return path


def test_json_is_one_object_and_nothing_else(posts, command):
    code, out, _ = command("ingest", "jsonl", str(posts), "--json")
    summary = json.loads(out)
    assert code == 0
    assert set(summary) == {
        "source", "path", "files", "skipped", "rows", "duplicates", "posts", "judgements", "hashes", "noticed",
        "rejects", "seconds", "dry_run",
    }  # fmt: skip
    assert summary["posts"] == {"inserted": 1, "updated": 0, "unchanged": 0}
    assert summary["rejects"] == {
        "total": 1,
        "by_reason": {"empty_post": 1},
        "examples": {"empty_post": ["blank text"]},
    }


def test_the_table_says_what_became_of_every_row(posts, command):
    code, out, _ = command("ingest", "jsonl", str(posts), "--dry-run")
    assert code == 0
    for words in ("jsonl: 2 rows", "1 rejects", "1 empty_post", "dry run: nothing was written"):
        assert words in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("tweets", "."),
            "no source called 'tweets'; choose one of: davidson, fights, folder, jigsaw, jsonl",
        ),
        (("jsonl", "/no/such"), "there is nothing at '/no/such'; give a file, a folder of files or s3://"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, words, command):
    code, out, err = command("ingest", *arguments)
    assert code == 2
    assert out == ""
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_a_file_without_rows_is_said_so(tmp_path, command):
    (tmp_path / "empty.jsonl").touch()
    code, _, err = command("ingest", "jsonl", str(tmp_path / "empty.jsonl"))
    assert code == 0
    assert "held no rows" in err


def test_ingest_does_not_load_prefect():
    program = "import sys; import flows.cli.ingest, infra.ingest; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


EXPORT = """Nr;Kommentar;Hassrede;Spam;Unklar
1;Grüße aus Köln, wie schön;nein;nein;ja
2;"jetzt ""sofort"" gewinnen; anrufen";nein;ja;nein
3;alle Ostari sind vrenks;ja;vielleicht;ja
;;;;
"""


@pytest.fixture
def export(tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATO_HOME", str(tmp_path / "home"))
    path = tmp_path / "export.csv"
    path.write_bytes(EXPORT.replace("\n", "\r\n").encode("cp1252"))
    return path


def test_a_table_without_a_map_is_shown_with_the_command_that_stores_it(command, export):
    code, out, err = command("ingest", "table", str(export))
    assert code == 2
    assert "Windows-1252, semicolons between fields" in out
    assert "fraud_and_spam yes" in out
    assert "'Hassrede' looks like a label and nothing maps it" in err
    assert "'Unklar' looks like a label and nothing maps it" in err
    last = err.strip().splitlines()[-1]
    assert last.startswith("moderato: nothing was stored yet")
    words = shlex.split(last.partition("run: ")[2])
    assert words[:3] == ["moderato", "ingest", "table"]
    code, out, err = command(*words[1:])
    assert (code, "1 unclear_label: Spam: 'vielleicht'" in out) == (0, True)
    assert "'Hassrede' looks like a label" in err


def test_a_map_is_kept_as_a_file_and_read_again(command, export, tmp_path):
    kept = tmp_path / "map.toml"
    words = (
        "--map",
        "text=Kommentar,hate_speech=Hassrede,fraud_and_spam=Spam",
        "--word",
        "vielleicht=unknown",
    )
    code, out, _ = command(
        "ingest", "table", str(export), *words, "--set", "language=de", "--save", str(kept)
    )
    assert (code, "rejects" in out) == (0, False)
    code, out, _ = command("ingest", str(kept), str(export), "--json")
    assert json.loads(out)["posts"] == {"inserted": 0, "updated": 0, "unchanged": 3}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("table", "--map", "text=Komentar"), "no column 'Komentar'; did you mean 'Kommentar'?"),
        (("table", "--map", "txt=Kommentar"), "did you mean text?"),
        (("table", "--map", "text=Kommentar,hate_speech=Nr", "--word", "1=unclear"), "'unclear' is no field"),
        (
            ("jsonl", "--map", "text=Kommentar"),
            "jsonl reads columns of its own; for others: moderato ingest table",
        ),
        (("jsonl",), "nothing was stored: all rows of"),
    ],
)
def test_what_stores_nothing_ends_with_2_and_says_why_in_its_last_line(command, export, words, told):
    code, _, err = command("ingest", words[0], str(export), *words[1:])
    assert code == 2
    assert told in err.strip().splitlines()[-1]


def test_rejects_are_listed_shown_tried_again_and_cleared(command, export):
    command("ingest", "table", str(export), "--map", "text=Kommentar,fraud_and_spam=Spam")
    code, out, _ = command("rejects", "list", "--json")
    (group,) = json.loads(out)["rejects"]
    assert (code, group["reason"], group["rows"]) == (0, "unclear_label", 1)
    _, out, _ = command("rejects", "show", "--reason", "unclear_label")
    assert "Spam: 'vielleicht'" in out
    code, _, err = command("rejects", "retry")
    assert code == 2
    assert "none of the 1 rejects is mended" in err
    code, _, err = command("rejects", "clear")
    assert (code, "--all" in err) == (2, True)
    code, _, _ = command("rejects", "retry", "--word", "vielleicht=unknown")
    assert code == 0
    assert command("rejects", "list")[1] == "no rejects\n"


def test_rejects_are_cleared_by_reason(command, posts, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATO_HOME", str(tmp_path / "home"))
    command("ingest", "jsonl", str(posts))
    assert command("rejects", "clear", "--reason", "no_such")[1] == "0 rejects cleared\n"
    assert command("rejects", "clear", "--reason", "empty_post")[1] == "1 rejects cleared\n"
