from collections import Counter

import pytest
from made_up_traffic import two_versions
from tiny_model import make_champion

from flows.cli.status import state, status
from infra.registry import Registry


def test_status_of_an_empty_home_says_what_to_do_and_writes_nothing(settings):
    found = state(settings)
    assert (found["champion"], found["challenger"], found["runs"]) == (None, None, [])
    assert found["lake"]["posts"] == {"rows": 0, "version": 0}
    assert (
        found["next"]
        == "the lake is empty: moderato ingest SOURCE PATH, or moderato simulate for made-up posts"
    )
    assert not settings.home.exists()


def test_status_asks_the_registry_once_for_each_alias(settings, monkeypatch):
    two_versions(settings)
    asked, connections, ask = Counter(), set(), Registry._by_alias

    def counted(registry, alias):
        asked[alias] += 1
        connections.add(id(registry.client))
        return ask(registry, alias)

    monkeypatch.setattr(Registry, "_by_alias", counted)
    found = state(settings)
    assert (found["champion"].version, found["challenger"].version) == (1, 2)
    assert (asked, len(connections)) == ({"champion": 1, "challenger": 1}, 1)


@pytest.mark.slow
def test_status_names_the_champion_and_the_last_runs(settings, capsys):
    make_champion(settings)
    found = state(settings)
    assert (found["champion"].version, found["challenger"]) == (1, None)
    assert [(run.status, run.verdict) for run in found["runs"]] == [("FINISHED", "accepted")]
    status(json=False)
    assert "champion: version 1, run" in capsys.readouterr().out
