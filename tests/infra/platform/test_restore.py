"""A backup is put back as a whole or not at all; nothing in it runs, leads elsewhere or differs from what was kept."""

import json
import os
import pickle
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing

import pytest
from tiny_model import make_champion

from infra.lake import open_lake
from infra.platform.backup import back_up
from infra.platform.manifest import ABOUT, BackupError
from infra.platform.restore import restore
from infra.results import TYPE
from infra.settings import Settings
from infra.simulator import simulate

RESULT = json.dumps({"is": None, "value": "kept"})


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home with something in each store, and its backup."""
    root = tmp_path_factory.mktemp("template")
    home = Settings(home=root / "home", _env_file=None)
    make_champion(home)
    simulate(open_lake(home), posts=50, weeks=1, seed=1)
    for name in ("landing", "journal/1-a", "prefect", "work/searches/a", "results"):
        (home.home / name).mkdir(parents=True, exist_ok=True)
    (home.home / "landing.json").write_text(json.dumps({f"{home.lake} jsonl s3://in": {"a": "etag"}}))
    (home.home / "gateway.json").write_text("{}")
    (home.home / "landing" / "new.jsonl").write_text("{}\n")
    (home.home / "journal" / "1-a" / "00000001.tried").write_bytes(b'{"decision_id":"a"}\n')
    (home.home / "work/searches/a/study.json").write_text("{}")
    (home.home / "results" / "step").write_text(record({"is": None, "value": f"{home.lake}/snapshots/a"}))
    (home.home / "results" / "flow").write_text(RESULT)
    back_up(home, root / "backup")
    return home, root / "backup"


def record(result):
    """As Prefect keeps what a step returned."""
    return json.dumps({"metadata": {"serializer": {"type": TYPE}}, "result": json.dumps(result)})


@pytest.fixture
def backup(template, tmp_path):
    return shutil.copytree(template[1], tmp_path / "backup")


@pytest.fixture
def elsewhere(tmp_path):
    return Settings(home=tmp_path / "elsewhere" / "home", _env_file=None)


def about(backup, **changed):
    """What the backup says of itself, changed."""
    path = backup / ABOUT
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def files(backup):
    return json.loads((backup / ABOUT).read_text())["files"]


def refused(elsewhere, backup, match):
    with pytest.raises(BackupError, match=match) as told:
        restore(elsewhere, backup)
    assert "\n" not in str(told.value)
    assert not elsewhere.home.exists()
    assert not list(elsewhere.home.parent.glob(".*")), "something was left aside"


def test_what_the_landing_zone_gave_and_the_gateway_served_is_backed_up_too(backup, elsewhere):
    restore(elsewhere, backup)
    home = elsewhere.home
    for name in (
        "gateway.json",
        "landing/new.jsonl",
        "journal/1-a/00000001.tried",
        "work/searches/a/study.json",
    ):
        assert (home / name).is_file()
    assert json.loads((home / "landing.json").read_text()) == {
        f"{elsewhere.lake} jsonl s3://in": {"a": "etag"}
    }
    kept = json.loads((home / "results" / "step").read_text())
    assert json.loads(kept["result"])["value"] == f"{elsewhere.lake}/snapshots/a"


def test_every_file_of_a_backup_is_named_with_its_digest(backup):
    there = {str(path.relative_to(backup)) for path in backup.rglob("*") if path.is_file()}
    assert there == {*files(backup), ABOUT}


@pytest.mark.parametrize("name", ["mlflow.db", "landing.json", "results/step"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing", "longer"])
def test_a_file_that_is_not_what_was_backed_up_is_one_line_and_nothing_is_restored(
    backup, elsewhere, name, damage
):
    path = backup / name
    held = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        half = len(held) // 2
        flipped = held[:half] + bytes([held[half] ^ 1]) + held[half + 1 :]
        path.write_bytes({"flipped": flipped, "cut": held[:-1], "longer": held + b"\n"}[damage])
    refused(
        elsewhere,
        backup,
        rf"{name} (of the backup is not what was backed up|is missing).*nothing was restored",
    )


@pytest.mark.parametrize("held", [
    b"", b"{", b"null", b"[]", b'"text"', b"{}", b"\xff\xfe", b"[" * 100_000,
    b'{"home": "", "made_at": "", "moderato": "", "bytes": {}}',
    b'{"home": "/a", "made_at": "", "moderato": "1", "bytes": {"lake": "many"}}',
    b'{"home": "/a", "made_at": "", "moderato": "1", "bytes": {}, "files": {"lake/a": {"bytes": -1, "sha256": "a"}}}',
])  # fmt: skip
def test_a_list_of_files_that_is_none_is_one_line(backup, elsewhere, held):
    (backup / ABOUT).write_bytes(held)
    refused(elsewhere, backup, "was not written by moderato backup, or is damaged")


def test_a_backup_of_a_newer_release_says_which_one_reads_it(backup, elsewhere):
    about(backup, format=3, moderato="9.1")
    refused(elsewhere, backup, "restore it with moderato 9.1 or newer")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/cron.d/job",
        "../outside",
        "lake/../../outside",
        "lake/../results/step",
        "lake/..",
        "up.json",
        "logs/a",
        "",
    ],
)
def test_a_path_that_leaves_its_store_is_refused(backup, elsewhere, name):
    about(backup, files=files(backup) | {name: next(iter(files(backup).values()))})
    refused(elsewhere, backup, "leads out of the home|belongs to no store|is a link or leads over one")
    assert not (elsewhere.home.parent / "outside").exists()


def links(backup, secret):
    (backup / "landing.json").unlink()
    (backup / "landing.json").symlink_to(secret)


def links_folder(backup, secret):
    shutil.move(backup / "landing", secret.parent / "away")
    (backup / "landing").symlink_to(secret.parent / "away")


def pipes(backup, secret):
    (backup / "landing.json").unlink()
    os.mkfifo(backup / "landing.json")


def listens(backup, secret):
    (backup / "landing.json").unlink()
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(str(backup / "landing.json"))


@pytest.mark.timeout(60, func_only=True)
@pytest.mark.parametrize("made", [links, links_folder, pipes, listens])
def test_links_and_pipes_are_refused(backup, elsewhere, made, tmp_path, monkeypatch):
    monkeypatch.chdir(backup)  # a socket's path is short
    secret = tmp_path / "secret"
    secret.write_text("secret")
    made(backup, secret)
    refused(elsewhere, backup, "is a link or leads over one|is no file|cannot be restored")


def test_a_result_that_might_run_is_refused_although_its_digest_is_right(template, elsewhere, tmp_path):
    import hashlib

    backup = shutil.copytree(template[1], tmp_path / "hostile")
    held = json.dumps({"metadata": {"serializer": {"type": "pickle"}}, "result": "gASVAAAA"}).encode()
    (backup / "results" / "step").write_bytes(held)
    kept = {"bytes": len(held), "sha256": hashlib.sha256(held).hexdigest()}
    about(backup, files=files(backup) | {"results/step": kept})
    refused(
        elsewhere, backup, "results/step of the backup is no plain result of a step and might run as code"
    )


def test_results_of_an_older_release_stay_out_of_a_backup_and_that_is_said(template, tmp_path):
    home, _ = template
    old = home.home / "results" / "old"
    old.write_bytes(pickle.dumps("old"))
    try:
        made = back_up(home, tmp_path / "new")
    finally:
        old.unlink()
    assert made.left_out == {"results": 1}
    assert not (tmp_path / "new" / "results" / "old").exists()


def test_a_backup_of_before_which_named_no_files_is_restored_without_what_might_run(backup, elsewhere):
    said = json.loads((backup / ABOUT).read_text())
    (backup / ABOUT).write_text(
        json.dumps({name: said[name] for name in ("home", "made_at", "moderato", "bytes")})
    )
    (backup / "results" / "old").write_bytes(pickle.dumps("old"))
    made = restore(elsewhere, backup)
    assert made.left_out == {"results": 1}
    assert sorted(path.name for path in (elsewhere.home / "results").iterdir()) == ["flow", "step"]
    assert open_lake(elsewhere).posts.open().count_rows() == 50


def test_what_is_no_store_of_the_new_home_stays_beside_it(backup, elsewhere):
    (elsewhere.home / "logs").mkdir(parents=True)
    (elsewhere.home / "logs" / "gateway.log").write_text("mine")
    restore(elsewhere, backup)
    assert (elsewhere.home / "mlflow.db").exists()
    kept = elsewhere.home.with_name("home.before-restore")
    assert (kept / "logs" / "gateway.log").read_text() == "mine"


def test_a_searchs_study_that_is_being_written_is_copied_as_a_database(template, elsewhere, tmp_path):
    home, _ = template
    study = home.home / "work/searches/a/study.db"
    with closing(sqlite3.connect(study)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE trials (number)")
        writer.execute("INSERT INTO trials VALUES (1)")
        writer.commit()  # lies in the -wal alone
        back_up(home, tmp_path / "live")
    study.unlink()
    assert [path.name for path in (tmp_path / "live/work/searches/a").glob("study.db*")] == ["study.db"]
    restore(elsewhere, tmp_path / "live")
    with closing(sqlite3.connect(elsewhere.home / "work/searches/a/study.db")) as reader:
        assert reader.execute("SELECT number FROM trials").fetchall() == [(1,)]


def test_a_home_that_is_a_link_or_cannot_be_renamed_is_filled(backup, tmp_path, monkeypatch):
    (tmp_path / "disk" / "volume").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "volume")
    restore(Settings(home=tmp_path / "link", _env_file=None), backup)
    assert (tmp_path / "disk" / "volume" / "mlflow.db").is_file()
    (tmp_path / "mount" / "logs").mkdir(parents=True)
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == str(tmp_path / "mount"))
    restore(Settings(home=tmp_path / "mount", _env_file=None), backup)
    assert {"logs", "mlflow.db", "lake", "results"} <= {path.name for path in (tmp_path / "mount").iterdir()}
    assert not list((tmp_path / "mount").glob(".*"))


RESTORE = [sys.executable, "-m", "flows.cli", "restore"]


def test_the_command_ends_with_2_and_one_line(backup, elsewhere, monkeypatch):
    monkeypatch.setenv("MODERATO_HOME", str(elsewhere.home))
    (backup / "mlflow.db").write_bytes(b"cut")
    done = subprocess.run([*RESTORE, str(backup)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("moderato: mlflow.db of the backup is not what was backed up")


@pytest.mark.slow
def test_killed_anywhere_it_leaves_no_home_or_a_whole_one_and_the_next_try_goes_through(
    backup, elsewhere, monkeypatch
):
    monkeypatch.setenv("MODERATO_HOME", str(elsewhere.home))
    for number in range(400):  # long enough to be killed in
        (backup / "landing" / f"{number}").write_bytes(os.urandom(20_000))
    remade = {
        "files": files(backup) | {f"landing/{n}": digest(backup / "landing" / str(n)) for n in range(400)}
    }
    about(backup, **remade)
    started = time.monotonic()
    assert subprocess.run([*RESTORE, str(backup)], capture_output=True, check=False).returncode == 0
    took = time.monotonic() - started
    outcomes = set()
    for part in range(12):
        shutil.rmtree(elsewhere.home, ignore_errors=True)
        running = subprocess.Popen(
            [*RESTORE, str(backup)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(took * (0.4 + 0.06 * part))
        running.send_signal(signal.SIGKILL)
        running.wait()
        outcomes.add(elsewhere.home.exists())
        if elsewhere.home.exists():
            assert open_lake(elsewhere).posts.open().count_rows() == 50
            assert all((elsewhere.home / name).is_file() for name in files(backup))
    shutil.rmtree(elsewhere.home, ignore_errors=True)
    assert subprocess.run([*RESTORE, str(backup)], capture_output=True, check=False).returncode == 0
    assert not list(elsewhere.home.parent.glob(".*")), "what was left aside is taken away"
    assert False in outcomes


def digest(path):
    import hashlib

    held = path.read_bytes()
    return {"bytes": len(held), "sha256": hashlib.sha256(held).hexdigest()}


def test_a_backup_and_what_is_restored_are_their_owners_alone(template, backup, elsewhere, tmp_path):
    made = tmp_path / "made"
    made.mkdir(mode=0o755)
    back_up(template[0], made)
    restore(elsewhere, made)
    for root in (made, elsewhere.home):
        for path in (root, *root.rglob("*")):
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
