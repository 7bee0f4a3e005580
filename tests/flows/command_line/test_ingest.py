import json
import subprocess
import sys

import pytest


def moderato(*arguments):
    command = [sys.executable, "-m", "flows.command_line", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def posts(tmp_path):
    path = tmp_path / "posts.jsonl"
    path.write_text('{"post_id": "p", "text": "a kettle", "labels": {"profanity": false}}\n{"text": ""}\n')
    return path


def test_json_is_one_object_and_nothing_else(posts):
    code, out, _ = moderato("ingest", "jsonl", str(posts), "--json")
    summary = json.loads(out)
    assert code == 0
    assert set(summary) == {
        "source", "path", "files", "skipped", "rows", "duplicates", "posts", "judgements", "hashes", "noticed",
        "rejects", "seconds", "dry_run",
    }  # fmt: skip
    assert summary["posts"] == {"inserted": 1, "updated": 0, "unchanged": 0}
    assert summary["rejects"] == {"total": 1, "by_reason": {"empty_post": 1}}


def test_the_table_says_what_became_of_every_row(posts):
    code, out, _ = moderato("ingest", "jsonl", str(posts), "--dry-run")
    assert code == 0
    for words in ("jsonl: 2 rows", "1 rejects", "1 empty_post", "dry run: nothing was written"):
        assert words in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("tweets", "."),
            "no source called 'tweets'; choose one of: davidson, fights, folder, jsonl",
        ),
        (("jsonl", "/no/such"), "there is nothing at '/no/such'; give a file, a folder of files or s3://"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, words):
    code, out, err = moderato("ingest", *arguments)
    assert code == 2
    assert out == ""
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_a_file_without_rows_is_said_so(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    code, _, err = moderato("ingest", "jsonl", str(tmp_path / "empty.jsonl"))
    assert code == 0
    assert "held no rows" in err


def test_ingest_does_not_load_prefect():
    program = "import sys; import flows.command_line.ingest, infra.ingest; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
