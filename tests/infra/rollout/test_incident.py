"""A champion that is gone: told from one that never was, and brought back."""

import shutil
from pathlib import Path
from urllib.parse import urlparse

import pytest
from made_up_traffic import another_version, two_versions

from infra.registry import DECIDERS, Decider, deciders, keep
from infra.rollout import Store, incident, roll_back
from infra.rollout.commands import NoWayBackError


@pytest.fixture
def store(settings):
    """Version 1 decides; version 2 is challenger."""
    return two_versions(settings)


@pytest.fixture
def client(store):
    return store.registry.client


def vanished(store):
    """What is said of it in a process that begins now."""
    found = incident(Store(store.settings), deep=True)
    return found.told if found else ""


def delete_version(store):
    store.registry.client.delete_model_version(store.registry.name, "1")


def delete_alias(store):
    store.registry.client.delete_registered_model_alias(store.registry.name, "champion")


def delete_model(store):
    store.registry.client.delete_registered_model(store.registry.name)


def point_elsewhere(store):
    made = store.registry.client.create_model_version(store.registry.name, "file:///somebody/s/own")
    store.registry.client.set_registered_model_alias(store.registry.name, "champion", made.version)


def lose_the_bundle(store):
    shutil.rmtree(bundle(store, 1))
    shutil.rmtree(store.settings.home / "bundles", ignore_errors=True)


def lose_the_database(store):
    (store.settings.home / "mlflow.db").unlink()


def bundle(store, number):
    uri = store.registry.client.get_model_version_download_uri(store.registry.name, str(number))
    return Path(urlparse(uri).path) / "artifacts" / "bundle"


TOLD = {
    delete_version: "version 1 decided last, but it was deleted in MLflow",
    delete_alias: "version 1 decided last, but the alias champion was deleted in MLflow",
    delete_model: "version 1 decided last, but nothing is registered as moderato any more",
    point_elsewhere: "the alias champion points at version 3, which Moderato did not register",
    lose_the_bundle: "the bundle of version 1 of moderato is gone from MLflow",
    lose_the_database: "version 1 decided last, but MLflow's database is gone",
}


@pytest.mark.parametrize("happens", TOLD, ids=lambda it: it.__name__)
def test_a_champion_that_is_gone_is_an_incident_and_the_choices_are_named(store, happens):
    store.record("promote", 1, "the first champion")
    assert vanished(store) == ""
    happens(store)
    assert TOLD[happens] in vanished(store)
    for choice in ("moderato rollback", "--copy", "moderato retrain --begin-anew"):
        assert choice in vanished(store)


def test_where_nobody_ever_decided_there_is_no_incident(settings):
    assert incident(Store(settings)) is None
    assert not settings.home.exists()


def test_a_lake_of_before_this_memory_remembers_by_its_acts(store, client):
    client.delete_registered_model_tag(store.registry.name, DECIDERS)
    store.record("promote", 1, "the first champion")
    delete_version(store)
    assert "version 1 decided last" in vanished(store)


def test_the_champion_of_another_model_on_the_same_lake_is_not_missed(store):
    store.record("promote", 1, "the first champion")
    other = Store(store.settings.model_copy(update={"registered_model": "another"}))
    assert incident(other) is None


def test_an_edited_memory_is_no_traceback(store, client):
    client.set_registered_model_tag(store.registry.name, DECIDERS, "[[[")
    assert deciders(store.registry) == ()
    store.registry.promote(2)
    assert [it.version for it in deciders(store.registry)] == [2]


def test_a_deleted_champion_is_followed_by_the_last_one_that_is_whole(store, client):
    for _ in range(2):
        store.registry.promote(another_version(store))
    client.delete_model_version(store.registry.name, "4")
    shutil.rmtree(bundle(store, 3))
    assert roll_back(store, None, "deleted")[1].version == 1
    assert incident(store) is None


def test_a_champion_before_that_was_deleted_is_passed_over(store, client):
    for _ in range(2):
        store.registry.promote(another_version(store))
    client.delete_model_version(store.registry.name, "3")
    gone, back = roll_back(store, None, "complaints")
    assert (gone, back.version) == (4, 1)


def test_an_alias_that_was_deleted_is_given_back(store):
    delete_alias(store)
    assert roll_back(store, None, "deleted by mistake")[1].version == 1


def test_an_alias_on_somebody_s_own_version_goes_back_to_the_champion(store):
    point_elsewhere(store)
    assert roll_back(store, None, "a mistake")[1].version == 1


def test_nobody_may_decide_who_is_not_whole(store):
    point_elsewhere(store)
    with pytest.raises(ValueError, match="was not registered by Moderato"):
        roll_back(store, 3, "on purpose")


@pytest.mark.slow
@pytest.mark.parametrize("happens", [delete_version, delete_model, "the run too"])
def test_a_deleted_champion_is_registered_again_from_the_gateway_s_own_copy(settings, happens):
    from tiny_model import make_champion

    make_champion(settings)
    store = Store(settings)
    champion = store.registry.champion()
    store.registry.fetch(champion)  # as a gateway does, which then notes it
    keep(settings, Decider.of(champion, store.registry.name))
    if callable(happens):
        happens(store)
    else:
        store.registry.client.delete_run(champion.run_id)
        delete_version(store)
    fresh = Store(settings)
    gone, back = roll_back(fresh, None, "deleted by mistake", copy=happens is delete_version)
    assert gone == 1
    decides = fresh.registry.champion()
    assert decides == back
    assert (decides.digest, decides.key, decides.snapshot) == (
        champion.digest,
        champion.key,
        champion.snapshot,
    )
    shutil.rmtree(settings.home / "bundles")
    assert fresh.registry.fetch(decides).exists()
    assert incident(fresh, deep=True) is None


@pytest.mark.slow
def test_a_deleted_champion_is_registered_again_from_its_run_where_no_copy_is_left(settings):
    from tiny_model import make_champion

    make_champion(settings)
    store = Store(settings)
    digest = store.registry.champion().digest
    delete_version(store)
    shutil.rmtree(settings.home / "bundles", ignore_errors=True)
    assert roll_back(store, None, "deleted by mistake")[1].digest == digest


def test_where_no_copy_is_left_it_says_where_to_look(store):
    delete_version(store)
    with pytest.raises(NoWayBackError, match="no copy of version 1 is left"):
        roll_back(store, None, "")


def test_a_champion_that_decides_needs_no_copy(store):
    with pytest.raises(NoWayBackError, match="has not vanished"):
        roll_back(store, None, "", copy=True)
