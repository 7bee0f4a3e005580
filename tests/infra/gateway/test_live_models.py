import json
import logging
import threading
from pathlib import Path
from urllib.parse import urlparse

import httpx
import pytest
from gateway_server import add_challenger, copied, in_thread, roll_out, until

from infra.gateway.models.live_models import ModelPool
from infra.registry import Registry
from infra.registry.deciders import MEMORY


def deck(settings, refused=None):
    found = ModelPool(settings, (refused if refused is not None else []).append)
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


def delete_version(registry):
    registry.client.delete_model_version(registry.name, "1")


def delete_alias(registry):
    registry.client.delete_registered_model_alias(registry.name, "champion")


def delete_model(registry):
    registry.client.delete_registered_model(registry.name)


def point_elsewhere(registry):
    made = registry.client.create_model_version(registry.name, "file:///somebody/s/own")
    registry.client.set_registered_model_alias(registry.name, "champion", made.version)


VANISHING = [delete_version, delete_alias, delete_model, point_elsewhere]


@pytest.mark.parametrize("happens", VANISHING, ids=lambda it: it.__name__)
def test_a_champion_that_vanishes_serves_on_and_after_a_restart_too(home, caplog, happens):
    found = deck(home)
    held = found.standing.champion
    happens(Registry(home))
    with caplog.at_level(logging.WARNING, "infra.gateway.models.live_models"):
        for _ in range(3):
            found.refresh()
    assert found.standing.champion is held
    assert found.standing.warning
    assert [it.message for it in caplog.records].count("the registry names nobody who can decide") == 1
    again = deck(home).standing
    assert (again.champion.version, again.champion.digest) == ("1", held.digest)
    assert again.warning


def test_a_rollout_beside_a_champion_that_vanished_stops(home):
    roll_out(home, share=0.5)
    found = deck(home)
    assert found.standing.challenger
    delete_version(Registry(home))
    found.refresh()
    assert (found.standing.challenger, found.standing.rollout) == (None, None)


def test_a_vanished_champion_is_followed_by_the_next_one_and_the_warning_ends(home):
    said = []
    found = ModelPool(home, [].append, said.append)
    found.refresh()
    delete_version(Registry(home))
    found.refresh()
    Registry(home).promote(2)
    found.refresh()
    assert (found.standing.champion.version, found.standing.warning) == ("2", "")
    assert said == [False, True, False]


def test_a_copy_that_was_changed_decides_nothing_after_a_restart(home):
    found = deck(home)
    digest = found.standing.champion.digest
    delete_version(Registry(home))
    (home.home / "bundles" / digest[:16] / "operating_points.json").write_text("{}")
    standing = deck(home).standing
    assert standing.champion is None
    assert "no local copy to start from" in standing.reason


def test_what_another_model_s_gateway_noted_does_not_decide(home):
    deck(home)
    standing = deck(home.model_copy(update={"registered_model": "another"})).standing
    assert standing.champion is None
    assert "no champion yet" in standing.reason


def test_a_note_of_before_is_read_and_its_folder_is_not_followed(home, tmp_path):
    """Older gateways noted a folder: what it leads to is not what was verified."""
    digest = deck(home).standing.champion.digest
    note = {"version": "1", "digest": digest, "folder": str(tmp_path / "elsewhere")}
    (home.home / MEMORY).write_text(json.dumps(note))
    assert deck(unreachable(home)).standing.champion.digest == digest
    (home.home / MEMORY).write_text(json.dumps(note | {"digest": "../../elsewhere"}))
    assert deck(unreachable(home)).standing.champion is None


def test_a_gateway_whose_champion_was_deleted_answers_on_and_stays_ready_with_a_warning(home):
    with in_thread(home) as served:
        delete_version(Registry(home))
        until(lambda: "warning" in served.ready())
        assert served.decide("after")[0]["model_version"] == "1"
        assert (served.ready()["status"], served.ready()["champion"]) == ("ready", "1")
        assert "moderato_champion_stands_in 1.0" in httpx.get(f"{served.url}/metrics").text
