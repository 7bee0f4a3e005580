import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager

import orjson
import pytest
from gateway_server import in_thread, until

from infra.gateway.journal.aside import count_aside, discard_aside, lines_aside, retry_aside
from infra.gateway.journal.journal import Journal, JournalError, abandoned, sealed
from infra.gateway.journal.journal_export import Shipper, records, unshipped
from infra.gateway.journal.records import read, record
from models.domain.schemas import DECISIONS

ROW = {
    "decision_id": "", "post_id": "p", "market": "ZZ", "model_version": "1", "role": "champion", "shadow_of": None,
    "live_action": None, "live_policies": None, "rollout": None, "stage": None,
    "scores": [{"policy": "violence", "score": 0.5}], "action": "allow", "reasons": [], "error": None,
    "latency_ms": 1.5, "decided_at": "2026-11-21T13:00:00.123456Z",
}  # fmt: skip


def line(name, **fields):
    return record(orjson.dumps(ROW | {"decision_id": name} | fields))


def line_of_before(name, **fields):
    """Of a release whose records had no checksum."""
    return orjson.dumps(ROW | {"decision_id": name} | fields, option=orjson.OPT_APPEND_NEWLINE)


def names(segment):
    """The decisions of a segment, all of it whole."""
    rows, damaged = read(segment.read_bytes())
    assert damaged == []
    return rows["decision_id"].to_pylist()


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
    assert names(segment) == [str(n) for n in range(100)]


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
    assert names(segment) == ["whole"]


def test_without_room_nothing_is_committed_and_later_commits_are_whole(journal):
    commit(journal, "before")
    with full_disk(limit=len(line("before")) + 100), pytest.raises(JournalError):
        commit(journal, "refused")
    commit(journal, "after")
    assert [name for segment in journal.seal() for name in names(segment)] == ["before", "after"]


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


WORDS = 'Schön, тест, \N{GRINNING FACE}, " quoted, \\ and },"crc32":"00000000"}{'
THREE = [line("a" * 32), line("b" * 32, error=WORDS), line("c" * 32)]


def damaged(journal, held):
    """A segment of a journal whose bytes are these by now."""
    commit(journal, "replaced")
    (segment,) = journal.seal()
    segment.write_bytes(held)


def shipper_of(root, journal, lake, told=None):
    return Shipper(
        root, journal, lake.decisions, lambda count: None, (told if told is not None else []).append
    )


def flipped(data, place, bit=0):
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


@pytest.mark.parametrize(
    "middle",
    [
        pytest.param(flipped(THREE[1], 60), id="a flipped bit"),
        pytest.param(flipped(THREE[1], THREE[1].index("ö".encode()), 7), id="invalid UTF-8"),
        pytest.param(THREE[1].replace(b"0.5", b"0.9"), id="JSON, and another score"),
        pytest.param(THREE[1].replace(b"allow", b"block"), id="JSON, and another action"),
        pytest.param(THREE[1][:-40] + b"\n", id="cut"),
        pytest.param(THREE[1][30:], id="its beginning is gone"),
        pytest.param(b"\0" * 50 + b"\n" + THREE[1][:-20] + b"\n", id="NULs"),
        pytest.param(line_of_before("b" * 32, latency_ms="slow"), id="JSON of another form"),
        pytest.param(b"{}\n", id="an empty object"),
        pytest.param(b"null\n", id="no object"),
        pytest.param(b"[" * 5000 + b"\n", id="nested"),
        pytest.param(THREE[1].replace(b'"crc32":"', b'"crc32":"x'), id="a checksum that is none"),
    ],
)
def test_a_damaged_line_costs_that_line_and_not_the_segment(root, journal, lake, middle):
    damaged(journal, THREE[0] + middle + THREE[2])
    commit(journal, "d" * 32)
    told = []
    shipper_of(root, journal, lake, told).ship()
    assert kept(lake) == ["a" * 32, "c" * 32, "d" * 32]
    assert sum(told) == count_aside(root) == middle.count(b"\n")
    assert b"".join(it.line + b"\n" for it in lines_aside(root)) == middle
    assert all(it.reason for it in lines_aside(root))


@pytest.mark.parametrize("bit", [0, 7])
def test_wherever_a_bit_flips_at_most_its_own_line_is_lost_and_nothing_wrong_is_shipped(bit):
    data = b"".join(THREE)
    whole = records(data).to_pylist()
    for place in range(len(data)):
        rows, aside = read(flipped(data, place, bit))
        assert all(row in whole for row in rows.to_pylist()), place
        assert len(rows) >= 2, place
        assert len(rows) + bool(aside) == 3, place


def test_a_lost_line_end_costs_nothing():
    for held in (b"".join(THREE).replace(b"\n", b"\x0b"), b"".join(THREE).replace(b"\n", b"")):
        rows, aside = read(held)
        assert (len(rows), aside) == (3, [])


def test_segments_of_a_release_without_checksums_are_shipped(root, journal, lake):
    damaged(journal, b"".join(map(line_of_before, "abc")))
    shipper_of(root, journal, lake).ship()
    assert (kept(lake), count_aside(root)) == (["a", "b", "c"], 0)


def test_invalid_text_of_a_release_without_checksums_is_put_aside_too(root, journal, lake):
    bad = line_of_before("b", error="ö").replace("ö".encode(), b"\xff\xfe")
    damaged(journal, line_of_before("a") + bad + line_of_before("c"))
    shipper_of(root, journal, lake).ship()
    assert (kept(lake), count_aside(root)) == (["a", "c"], 1)


def test_a_repaired_line_reaches_the_lake_and_the_others_wait_on(root, journal, lake):
    damaged(journal, flipped(THREE[0], 60) + b"beyond repair\n" + THREE[2])
    shipper_of(root, journal, lake).ship()
    assert retry_aside(root, lake.decisions) == (0, 2)
    first, second = lines_aside(root)
    assert (first.decision_id, second.decision_id) == ("a" * 32, "")
    assert "take the field crc32 out" in first.reason
    repaired = json.dumps(ROW | {"decision_id": "a" * 32})
    first.path.write_text(f"{repaired}\nbeyond repair")
    assert retry_aside(root, lake.decisions) == (1, 1)
    assert retry_aside(root, lake.decisions) == (0, 1)
    assert kept(lake) == ["a" * 32, "c" * 32]
    assert discard_aside(root) == 1
    assert list(lines_aside(root)) == []


def test_a_segment_that_a_release_of_before_put_aside_is_shown_and_its_whole_lines_are_brought(root, lake):
    gone = root / "1-gone"
    gone.mkdir(parents=True)
    (gone / "00000007.damaged").write_bytes(line_of_before("a") + b"\0" * 40 + b"\n" + line_of_before("c"))
    assert [bool(it.reason) for it in lines_aside(root)] == [False, True, False]
    assert retry_aside(root, lake.decisions) == (2, 1)
    assert kept(lake) == ["a", "c"]
    assert (gone / "00000007.damaged").read_bytes() == b"\0" * 40 + b"\n"


def test_what_a_killed_process_left_damaged_is_put_aside_by_the_next(root, journal, lake):
    other = Journal(root)
    commit(other, "a", "b")
    (segment,) = other.seal()
    segment.write_bytes(flipped(segment.read_bytes(), 40))
    other._writer.shutdown()
    os.close(other._lock)  # as its death would
    shipper_of(root, journal, lake).recover()
    assert (kept(lake), count_aside(root)) == (["b"], 1)


def test_a_damaged_decision_is_not_given_out_from_the_journal(root, journal):
    damaged(journal, THREE[0] + THREE[1].replace(b"allow", b"block"))
    assert unshipped(root, "a" * 32) == THREE[0].strip()
    assert unshipped(root, "b" * 32) is None


@pytest.mark.parametrize("between", [b"", b"\x0b"], ids=["lost", "changed"])
def test_decisions_are_found_in_the_journal_whose_line_end_was_damaged(root, journal, between):
    damaged(journal, THREE[0].strip() + between + THREE[1] + THREE[2])
    found = [unshipped(root, letter * 32) for letter in "abc"]
    assert found == [line.strip() for line in THREE]


def test_a_living_process_keeps_its_folder(root, journal):
    commit(journal, "a")
    assert list(abandoned(root)) == []


WRITER = """
import asyncio, sys
from pathlib import Path
from infra.gateway.journal.journal import Journal

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
