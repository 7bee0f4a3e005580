"""Whose run a retraining, a search or a pre-training goes on with."""

import pytest
from tiny_model import open_store

from infra.registry import Registry
from infra.registry.runs import GONE_ON, KEY, PRETRAINING, SEARCH, LifecycleRun
from tasks.plumbing import caching
from tasks.plumbing.caching import code_digest, digest_of
from tasks.training.run import found_or_begun

ASKED = {"snapshot": "s", "seed": 0}
FORMER = "a digest of the release before"


@pytest.fixture
def registry(settings, monkeypatch):
    monkeypatch.setattr(caching, "FORMER_CODE", (FORMER,))
    open_store(settings)
    return Registry(settings)


@pytest.mark.parametrize("tag", [KEY, SEARCH, PRETRAINING])
@pytest.mark.parametrize("left", ["RUNNING", "KILLED", "FAILED"])
def test_what_the_release_before_left_unfinished_goes_on_and_is_found_when_it_has_ended(registry, tag, left):
    key = digest_of(**ASKED, code=FORMER)
    begun = LifecycleRun.resume_or_start(registry, key, "begun", tag)
    if left != "RUNNING":
        begun.finish(left)
    assert found_or_begun(registry, ASKED, name="again", tag=tag) == (key, begun)
    assert registry.client.get_run(begun.run_id).data.tags[GONE_ON] == code_digest()
    begun.finish()
    assert found_or_begun(registry, ASKED, name="once more", tag=tag) == (key, begun)


@pytest.mark.parametrize("by", ["", "another code"])
def test_what_that_release_or_another_has_finished_is_done_again_by_this_one(registry, by):
    begun = LifecycleRun.resume_or_start(registry, digest_of(**ASKED, code=FORMER), "begun")
    begun.describe({}, {GONE_ON: by} if by else {})
    begun.finish()
    key, found = found_or_begun(registry, ASKED, name="again", tag=KEY)
    assert key == digest_of(**ASKED, code=code_digest())
    assert found != begun


def test_what_any_other_code_began_does_not_go_on(registry):
    begun = LifecycleRun.resume_or_start(registry, digest_of(**ASKED, code="somebody's edit"), "begun")
    assert found_or_begun(registry, ASKED, name="again", tag=KEY)[1] != begun


def test_where_a_project_has_parts_by_now_it_begins_anew(registry, monkeypatch, tmp_path):
    LifecycleRun.resume_or_start(registry, digest_of(**ASKED, code=FORMER), "begun")
    part = tmp_path / "gate.py"
    part.write_text("GATE = None")
    monkeypatch.setattr(caching, "code_files", lambda: [part])
    key, _ = found_or_begun(registry, ASKED, name="anew", tag=KEY)
    assert key == digest_of(**ASKED, code=code_digest())
