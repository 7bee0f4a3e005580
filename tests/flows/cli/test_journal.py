"""`moderato journal`: what a disk damaged is shown, retried once it is repaired, or discarded."""

import json

import pytest

ROW = {
    "decision_id": "a" * 32, "post_id": "p", "market": "ZZ", "model_version": "1", "role": "champion", "scores": [],
    "action": "allow", "reasons": [], "latency_ms": 1.5, "decided_at": "2026-11-21T13:00:00.123456Z",
}  # fmt: skip


@pytest.fixture
def aside(settings):
    """A file of two damaged lines, as the gateway of an older release or this one puts it aside."""
    path = settings.home / "journal" / "1-gone" / "00000001.damaged"
    path.parent.mkdir(parents=True)
    path.write_bytes(json.dumps(ROW)[:-1].encode() + b',"crc32":"00000000"}\n\x1b[2J\xff\n')
    return path


@pytest.fixture
def said(command):
    """Runs a command that has to end so: what it printed."""

    def run(*words, code):
        ended, out, err = command(*words)
        assert ended == code, err
        assert "Traceback" not in err
        return out

    return run


def test_damaged_lines_are_shown_repaired_and_brought(aside, said):
    shown = said("journal", code=2)
    assert f"{aside}:1: decision {'a' * 32}: its checksum differs" in " ".join(shown.split())
    assert "\x1b" not in shown, "what the disk holds drives no terminal"
    assert "2 damaged lines" in shown
    aside.write_text(json.dumps(ROW))
    assert "1 decisions are in the lake now, 0 lines are still damaged" in said("journal", "retry", code=0)
    assert not aside.exists()


def test_lines_are_discarded_only_when_that_is_confirmed(aside, said):
    assert "2 lines would go: add --yes" in said("journal", "discard", code=2)
    assert "2 lines discarded" in said("journal", "discard", "--yes", code=0)
    assert json.loads(said("journal", "--json", code=0)) == {"brought": 0, "discarded": 0, "left": []}


def test_the_doctor_and_the_status_say_how_many(aside, said):
    (found,) = [it for it in json.loads(said("doctor", "--json", code=2)) if it["subject"] == "journal"]
    assert found["verdict"] == "to mend"
    assert "2 damaged lines" in found["seen"]
    assert "moderato journal" in found["advice"]
    assert json.loads(said("status", "--json", code=0))["damaged"] == 2
    assert "2 damaged lines: moderato journal" in said("status", code=0)
