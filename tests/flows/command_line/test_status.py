import pytest
from tiny_model import make_champion

from flows.command_line.status import state, status


def test_status_of_an_empty_home_says_what_to_do_and_writes_nothing(settings):
    found = state(settings)
    assert (found["champion"], found["challenger"], found["runs"]) == (None, None, [])
    assert found["lake"]["posts"] == {"rows": 0, "version": 0}
    assert (
        found["next"]
        == "the lake is empty: moderato ingest SOURCE PATH, or moderato simulate for made-up posts"
    )
    assert not settings.home.exists()


@pytest.mark.slow
def test_status_names_the_champion_and_the_last_runs(settings, capsys):
    make_champion(settings)
    found = state(settings)
    assert (found["champion"].version, found["challenger"]) == (1, None)
    assert [(run.status, run.verdict) for run in found["runs"]] == [("FINISHED", "accepted")]
    status(json=False)
    assert "champion: version 1, run" in capsys.readouterr().out
