import threading
from pathlib import Path
from urllib.parse import urlparse

import httpx
from gateway_server import add_challenger, copied, in_thread, roll_out, until

from infra.gateway.served import Deck
from infra.registry import Registry
from infra.registry.deciders import MEMORY


def deck(settings, refused=None):
    found = Deck(settings, (refused if refused is not None else []).append)
    found.refresh()
    return found


def unreachable(settings):
    """The same home while its MLflow server does not answer."""
    return settings.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9"})


def tamper(settings, version):
    """Change a registered bundle's thresholds and leave its manifest as it was."""
    registry = Registry(settings)
    uri = registry.client.get_model_version_download_uri("moderato", str(version))
    points = Path(urlparse(uri).path) / "artifacts" / "bundle" / "operating_points.json"
    points.write_text(points.read_text().replace("0.", "0.0", 1))


def test_the_registry_says_who_decides(home):
    standing = deck(home).standing
    assert standing.champion.version == "1"
    assert standing.challenger is None


def test_a_challenger_is_loaded_once_its_rollout_begins_and_let_go_when_it_is_over(home):
    found = deck(home)
    roll_out(home, share=0.1)
    found.refresh()
    assert found.standing.challenger.version == "2"
    assert found.standing.rollout.share == 0.1
    rollout = found.standing.rollout.stopped("rolled back", "too slow")
    Registry(home).roll_out(2, rollout.model_dump_json())
    found.refresh()
    assert found.standing.challenger is None


def test_a_promoted_challenger_is_not_loaded_again(home):
    roll_out(home, share=0.1)
    found = deck(home)
    challenger = found.standing.challenger
    Registry(home).promote(2)
    found.refresh()
    assert found.standing.champion is challenger


def test_an_unreadable_rollout_gives_the_challenger_nothing(home):
    Registry(home).roll_out(2, "{")
    assert deck(home).standing.challenger is None


def test_a_tampered_version_is_refused_and_the_old_one_serves_on(home):
    found = deck(home, refused := [])
    old = found.standing.champion
    third = add_challenger(home, seed=2)
    tamper(home, third.version)
    Registry(home).promote(third.version)
    found.refresh()
    found.refresh()
    assert found.standing.champion is old
    assert refused == [str(third.version)]


def test_a_damaged_local_copy_is_fetched_again(home):
    deck(home)
    (copy,) = [path for path in (home.home / "bundles").iterdir() if path.is_dir()]
    (copy / "model.onnx").write_bytes(b"damaged")
    assert deck(home, refused := []).standing.champion.version == "1"
    assert refused == []


def test_without_the_registry_it_starts_from_the_last_verified_copy(home):
    deck(home)
    standing = deck(unreachable(home)).standing
    assert standing.champion.version == "1"


def test_a_copy_that_was_changed_meanwhile_is_not_started_from(home):
    deck(home)
    (copy,) = [path for path in (home.home / "bundles").iterdir() if path.is_dir()]
    (copy / "operating_points.json").write_text("{}")
    standing = deck(unreachable(home)).standing
    assert standing.champion is None
    assert "the registry is away" in standing.reason


def test_without_the_registry_and_a_copy_it_says_so(settings):
    assert "no local copy to start from" in deck(unreachable(settings)).standing.reason
    assert not (settings.home / MEMORY).exists()


def test_a_registry_that_goes_away_changes_nothing(home):
    roll_out(home, share=0.5)
    found = deck(home)
    before = found.standing
    found.registry = Registry(unreachable(home))
    found.refresh()
    assert found.standing == before
    assert before.rollout.share == 0.5


def test_a_rollout_is_not_resumed_from_memory(home):
    """Who aborted it meanwhile cannot be known without the registry."""
    roll_out(home, share=0.5)
    deck(home)
    assert deck(unreachable(home)).standing.challenger is None


def test_a_new_champion_takes_over_without_a_failed_request(home):
    with in_thread(home) as served:
        versions, failures, over = [], [], threading.Event()

        def ask():
            with served.client() as client:
                while not over.is_set():
                    answer = client.post("/v1/decisions", json={"post_id": "p", "text": "violence"})
                    if answer.status_code == 200:
                        versions.append(answer.json()["decisions"][0]["model_version"])
                    else:
                        failures.append(answer.text)

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        try:
            until(lambda: "1" in versions)
            Registry(home).promote(2)
            until(lambda: versions[-8:] == ["2"] * 8)
        finally:
            over.set()
            for asker in askers:
                asker.join()
        assert failures == []
        assert httpx.get(f"{served.url}/readyz").json()["champion"] == "2"


def test_every_home_has_its_own_deck(registered, tmp_path):
    first, second = (copied(registered, tmp_path / name) for name in ("one", "two"))
    Registry(second).promote(2)
    assert (deck(first).standing.champion.version, deck(second).standing.champion.version) == ("1", "2")
