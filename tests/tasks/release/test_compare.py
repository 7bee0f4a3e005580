"""Two registered versions side by side: on the same posts, printed and kept in the newer one's run."""

import json

import pytest
from tiny_model import make_candidate, make_champion

from flows.cli.compare import compare
from infra.registry import Registry
from models.domain.errors import UserError
from tasks.release.evaluate import evaluate
from tasks.release.register import register


@pytest.fixture
def two(settings):
    """Version 1, which decides, and version 2, which knows its words better."""
    make_champion(settings, strength=2.0)
    candidate = make_candidate(settings, seed=1, strength=6.0)
    register.fn(settings, candidate, evaluate.fn(settings, candidate, None))
    return Registry(settings)


def test_the_newer_one_is_the_candidate_whichever_is_named_first(two, capsys):
    compare("challenger", "1", json=True)
    first = json.loads(capsys.readouterr().out)
    compare("1", "2", json=True)
    assert json.loads(capsys.readouterr().out) == first
    assert first["champion"] == 1
    assert first["posts"] == 600


def test_the_table_is_printed_and_kept_in_the_newer_ones_run(two, capsys):
    compare("champion", "2")
    printed = capsys.readouterr().out
    assert "Version 2 (candidate) beside version 1 (champion) on 600 test posts" in " ".join(printed.split())
    run = two.version(2).run_id
    (kept,) = two.client.list_artifacts(run, "compare")
    assert kept.path == "compare/version-1.md"


def test_a_version_that_is_not_there_lists_those_that_are(two):
    with pytest.raises(UserError, match="9"):
        compare("champion", "9")
