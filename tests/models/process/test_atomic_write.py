"""What is written aside is whole at every moment, on the disk before it has its name, and leaves nothing beside it."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.process import atomic_write
from models.process.atomic_write import put_in_place, whole_file, whole_folder, write_bytes, write_text

ROOT = Path(__file__).parents[3]
SIZE = 1 << 20
KILLS = 6

FOR_EVER = f"""
import itertools, sys
from pathlib import Path
from models.process.atomic_write import whole_file, whole_folder

target = Path(sys.argv[1])
for sign in itertools.cycle("ab"):
    with whole_file(target / "file") as aside, aside.open("w") as file:
        for _ in range(16):
            file.write(sign * ({SIZE} // 16))
    with whole_folder(target / "folder") as aside:
        for name in "xyz":
            (aside / name).write_text(sign * 1000)
    print(sign, flush=True)
"""


@pytest.fixture
def names(tmp_path):
    """What lies in the folder by now."""
    return lambda: sorted(path.name for path in tmp_path.iterdir())


def killed_while_writing(folder, seconds):
    command = [sys.executable, "-c", FOR_EVER, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()


def test_whoever_writes_may_be_killed_at_any_moment(tmp_path):
    for kill in range(KILLS):
        killed_while_writing(tmp_path, kill * 0.007)
        text = (tmp_path / "file").read_text()
        assert (len(text), len(set(text))) == (SIZE, 1)
        there = tmp_path / "folder" if (tmp_path / "folder").exists() else tmp_path / "folder.before"
        assert len({(there / name).read_text() for name in "xyz"}) == 1


def test_what_killed_writers_left_is_one_file_and_the_next_one_takes_it(tmp_path, names):
    for kill in range(KILLS):
        killed_while_writing(tmp_path, kill * 0.005)
    assert set(names()) <= {"file", "folder", "folder.before", ".file.partial", ".folder.partial"}
    write_text(tmp_path / "file", "new")
    with whole_folder(tmp_path / "folder") as aside:
        assert list(aside.iterdir()) == []
        (aside / "new").write_text("new")
    assert names() == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "new"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]


@pytest.fixture
def syncs(monkeypatch):
    """The names of what was synced, in turn, each with what was to be seen of a path meanwhile."""
    seen, real = [], os.fsync

    def fsync(handle):
        name = Path(f"/proc/self/fd/{handle}").readlink().name
        real(handle)
        seen.append(name)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


@pytest.fixture
def steps(syncs, monkeypatch):
    """Syncs and renames, in turn."""
    real = Path.rename

    def rename(self, target):
        syncs.append(f"{self.name} -> {Path(target).name}")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    return syncs


def test_bytes_are_on_the_disk_before_their_name_and_the_name_before_the_end(tmp_path, steps):
    write_text(tmp_path / "a.json", "{}")
    assert steps == [".a.json.partial", ".a.json.partial -> a.json", tmp_path.name]


def test_of_a_folder_all_files_and_folders_are(tmp_path, steps):
    with whole_folder(tmp_path / "model") as aside:
        (aside / "deep").mkdir()
        (aside / "deep" / "weights").write_text("1")
        (aside / "about").write_text("2")
    assert steps[-2:] == [".model.partial -> model", tmp_path.name]
    assert sorted(steps[:-2]) == [".model.partial", "about", "deep", "weights"]


def test_permissions_are_kept_and_of_a_new_file_they_are_the_masks(tmp_path):
    path, before = tmp_path / "secret", os.umask(0o027)
    try:
        write_bytes(path, b"1")
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o600)
        write_bytes(path, b"2")
    finally:
        os.umask(before)
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o600, b"2")


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_after_an_error_there_is_what_was_there_and_nothing_beside_it(tmp_path, names, whole):
    write_text(tmp_path / "a", "before")
    with pytest.raises(ZeroDivisionError), whole(tmp_path / "a"):
        raise ZeroDivisionError
    assert names() == ["a"]
    assert (tmp_path / "a").read_text() == "before"


def test_a_disk_that_refuses_to_sync_leaves_what_was_there(tmp_path, names, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    write_text(tmp_path / "a", "before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(tmp_path / "a", "after")
    assert names() == ["a"]
    assert (tmp_path / "a").read_text() == "before"


def test_writers_at_the_same_time_do_not_mix(tmp_path, names):
    """Each has a place of its own; whoever ends last is read."""
    with whole_file(tmp_path / "a") as one, whole_file(tmp_path / "a") as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert names() == ["a"]
    assert (tmp_path / "a").read_text() == "one"
    texts = {str(number) * SIZE for number in range(4)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda text: write_text(tmp_path / "a", text), sorted(texts) * 8))
    assert (tmp_path / "a").read_text() in texts
    assert names() == ["a"]


@pytest.mark.parametrize("there", ["nothing", "a folder", "a file", "a link"])
def test_a_folder_takes_the_place_of_whatever_is_there_and_follows_no_link(tmp_path, names, there):
    kept, target = tmp_path / "kept", tmp_path / "model"
    shutil.copytree(Path(__file__).parent, kept)
    {
        "nothing": lambda: None,
        "a folder": lambda: shutil.copytree(kept, target),
        "a file": target.touch,
        "a link": lambda: target.symlink_to(kept),
    }[there]()
    with whole_folder(target) as aside:
        (aside / "new").write_text("1")
    assert names() == ["kept", "model"]
    assert not target.is_symlink()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert (kept / Path(__file__).name).exists()


def test_a_link_that_lies_where_it_would_be_written_is_not_followed(tmp_path):
    (tmp_path / "theirs").write_text("stays")
    (tmp_path / ".a.partial").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic link"):
        write_text(tmp_path / "a", "1")
    assert (tmp_path / "theirs").read_text() == "stays"


def test_what_was_written_elsewhere_on_the_disk_is_put_in_place(tmp_path, names):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "made.db").write_text("1")
    put_in_place(tmp_path / "work" / "made.db", tmp_path / "a.db")
    assert names() == ["a.db", "work"]


@pytest.fixture
def without_locks(monkeypatch):
    """A network disk whose server has none."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("without_locks")
def test_on_a_disk_without_locks_each_writer_has_a_file_of_its_own(tmp_path, names):
    with whole_file(tmp_path / "file") as first, whole_file(tmp_path / "file") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "file").read_text() == "first"  # which was put in place last
    with whole_folder(tmp_path / "folder") as aside:
        (aside / "one").touch()
    assert names() == ["file", "folder"]


def test_a_writer_whose_file_is_in_place_leaves_the_next_one_alone(tmp_path, monkeypatch):
    def next_one_writes_and_the_disk_fails(folder):
        (folder / ".file.partial").write_text("the next writer's")
        raise OSError(errno.EIO, "the folder cannot be synced")

    monkeypatch.setattr(atomic_write, "sync_names", next_one_writes_and_the_disk_fails)
    with pytest.raises(OSError, match="cannot be synced"):
        write_text(tmp_path / "file", "there")
    assert (tmp_path / "file").read_text() == "there"
    assert (tmp_path / ".file.partial").read_text() == "the next writer's"
