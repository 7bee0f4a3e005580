import asyncio
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager

import orjson
import pytest
from gateway_server import in_thread, until

from infra.gateway.journal import Journal, JournalError, abandoned, sealed, whole_lines
from infra.gateway.shipping import Shipper, records, unshipped
from models.schemas import DECISIONS

ROW = {
    "decision_id": "", "post_id": "p", "market": "ZZ", "model_version": "1", "role": "champion", "shadow_of": None,
    "live_action": None, "live_policies": None, "rollout": None, "stage": None,
    "scores": [{"policy": "violence", "score": 0.5}], "action": "allow", "reasons": [], "error": None,
    "latency_ms": 1.5, "decided_at": "2026-11-21T13:00:00.123456Z",
}  # fmt: skip


def line(name):
    return orjson.dumps(ROW | {"decision_id": name}, option=orjson.OPT_APPEND_NEWLINE)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def journal(root):
    journal = Journal(root)
    yield journal
    journal.close()


def commit(journal, *names):
    async def all_at_once():
        await asyncio.gather(*(journal.commit(line(name)) for name in names))

    asyncio.run(all_at_once())


def kept(lake):
    return sorted(lake.decisions.open().to_table()["decision_id"].to_pylist())


@contextmanager
def full_disk(limit=0):
    """No file of this process may grow past so many bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_committed_is_in_a_file_in_order(journal):
    commit(journal, *map(str, range(100)))
    (segment,) = journal.seal()
    assert records(whole_lines(segment))["decision_id"].to_pylist() == [str(n) for n in range(100)]


def test_records_are_rows_of_the_decisions_table():
    table = records(line("a"))
    assert table.schema.equals(DECISIONS)
    assert table["decided_at"][0].as_py().isoformat() == "2026-11-21T13:00:00.123456+00:00"
    assert records(b"").num_rows == 0


def test_a_record_that_was_cut_off_is_left_out(root, journal):
    commit(journal, "whole")
    (segment,) = journal.seal()
    with segment.open("ab") as file:
        file.write(line("torn")[:-20])
    assert records(whole_lines(segment))["decision_id"].to_pylist() == ["whole"]


def test_without_room_nothing_is_committed_and_later_commits_are_whole(journal):
    commit(journal, "before")
    with full_disk(limit=len(line("before")) + 100), pytest.raises(JournalError):
        commit(journal, "refused")
    commit(journal, "after")
    lines = b"".join(map(whole_lines, journal.seal()))
    assert records(lines)["decision_id"].to_pylist() == ["before", "after"]


def test_shipping_empties_the_journal_into_the_lake(root, journal, lake):
    counted = []
    shipper = Shipper(root, journal, lake.decisions, counted.append)
    for names in (("a", "b"), ("c",), ()):
        if names:
            commit(journal, *names)
        shipper.ship()
    assert kept(lake) == ["a", "b", "c"]
    assert counted == [2, 1]
    assert sealed(journal.folder) == []


def test_a_decision_is_found_in_the_journal_until_it_is_shipped(root, journal, lake):
    commit(journal, "a" * 32, "b" * 32)
    assert orjson.loads(unshipped(root, "b" * 32))["decision_id"] == "b" * 32
    Shipper(root, journal, lake.decisions, lambda count: None).ship()
    assert unshipped(root, "b" * 32) is None


def test_a_segment_whose_shipping_was_cut_short_is_in_the_lake_once(root, journal, lake, monkeypatch):
    commit(journal, "a", "b")
    shipper = Shipper(root, journal, lake.decisions, lambda count: None)
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            shipper.ship()
    assert kept(lake) == ["a", "b"]
    commit(journal, "c")
    shipper.ship()
    assert kept(lake) == ["a", "b", "c"]
    assert [path.name for path in journal.folder.iterdir()] == ["lock"]


def _killed(*_):
    raise KeyboardInterrupt


def test_a_damaged_segment_is_put_aside_and_the_rest_is_shipped(root, journal, lake):
    commit(journal, "a")
    (segment,) = journal.seal()
    segment.write_bytes(b"\0" * 50 + b"\n" + segment.read_bytes())
    commit(journal, "b")
    shipper = Shipper(root, journal, lake.decisions, lambda count: None)
    shipper.ship()
    assert kept(lake) == ["b"]
    assert [path.suffix for path in journal.folder.glob("0*")] == [".damaged"]


def test_a_living_process_keeps_its_folder(root, journal):
    commit(journal, "a")
    assert list(abandoned(root)) == []


WRITER = """
import asyncio, sys
from pathlib import Path
from infra.gateway.journal import Journal

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.commit(sys.argv[2].encode() + b"\\n")
    print("committed", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_what_a_killed_process_left_is_brought_in_by_the_next(root, journal, lake):
    command = [sys.executable, "-c", WRITER, str(root), line("left").decode().strip()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"committed\n"
        process.send_signal(signal.SIGKILL)
    shipper = Shipper(root, journal, lake.decisions, lambda count: None)
    shipper.recover()
    shipper.recover()
    assert kept(lake) == ["left"]
    assert [path for path in root.iterdir() if path != journal.folder] == []


def test_many_small_files_of_the_table_become_few(root, journal, lake):
    shipper = Shipper(root, journal, lake.decisions, lambda count: None)
    for number in range(64):
        commit(journal, f"{number:02}")
        shipper.ship()
    assert len(lake.decisions.open().get_fragments()) == 64
    shipper.compact()
    assert len(lake.decisions.open().get_fragments()) == 1
    assert kept(lake) == [f"{number:02}" for number in range(64)]


def test_a_full_disk_is_answered_503_and_no_decision_is_given_out(home):
    with in_thread(home) as served, served.client() as client:
        served.decide("before")
        with full_disk():
            answer = client.post("/v1/decisions", json={"post_id": "refused", "text": "plain1"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_durable")
        assert int(answer.headers["Retry-After"]) >= 1
        served.decide("after")
    until(lambda: len(served.rows()) == 2)
    assert sorted(row["post_id"] for row in served.rows()) == ["after", "before"]
