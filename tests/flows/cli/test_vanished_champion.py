"""What a person is told, and may do, where the champion was deleted in MLflow."""

import json

import pytest
from made_up_traffic import another_version, two_versions

from infra.registry import Registry
from models.training.presets import preset_named
from tasks.release.promote import promote
from tasks.release.register import Release
from tasks.release.watch import look
from tasks.training.champion import incumbent
from tasks.training.run import Run


@pytest.fixture
def store(settings):
    """Version 1 was champion and is deleted; version 2 is challenger."""
    store = two_versions(settings)
    store.registry.client.delete_model_version(store.registry.name, "1")
    return store


@pytest.fixture
def moderato(command):
    """Exit code and what was said."""

    def run(*words):
        code, said, complained = command(*words)
        return code, said if not code or words[0] == "doctor" else complained

    return run


RUN = Run(key="k", run_id="r", given="trial", preset=preset_named("trial"), seed=0)
GONE = "version 1 decided last, but it was deleted in MLflow; gateways that hold it serve on"


def test_a_retraining_asks_a_person_first(store, moderato):
    code, said = moderato("retrain", "--preset", "trial")
    assert code == 2
    assert said.startswith(f"moderato: {GONE}. moderato rollback lets the last whole version decide")
    assert len(said.splitlines()) == 1


def test_status_and_doctor_say_what_happened_and_what_to_do(store, moderato):
    _, shown = moderato("status")
    assert "champion: none\nchallenger: version 2" in shown
    assert f"champion vanished: {GONE}\n" in shown
    assert "moderato retrain --begin-anew" in shown
    assert json.loads(moderato("status", "--json")[1])["incident"] == GONE
    code, found = moderato("doctor", "--json")
    assert code == 2
    (champion,) = [one for one in json.loads(found) if one["subject"] == "champion"]
    assert (champion["verdict"], champion["seen"]) == ("to mend", GONE)
    assert "moderato rollback" in champion["advice"]


def test_a_rollback_names_who_decides_again(settings, moderato):
    store = two_versions(settings)
    store.registry.promote(another_version(store))
    store.registry.client.delete_model_version(store.registry.name, "3")
    assert moderato("rollback") == (0, "version 1 decides again, version 3 no more\n")
    assert json.loads(moderato("status", "--json")[1])["incident"] is None


def test_a_rollback_is_asked_for_one_version_or_a_copy(store, moderato):
    code, said = moderato("rollback", "--to", "2", "--copy")
    assert (code, said) == (2, "moderato: --to names a version and --copy another: give one of them\n")


def test_a_deleted_experiment_is_one_line_that_brings_it_back(settings, moderato):
    registry = two_versions(settings).registry
    number = registry.experiment_id
    registry.client.delete_experiment(number)
    for words in (("retrain", "--preset", "trial"), ("status",)):
        code, said = moderato(*words)
        assert code == 2
        assert len(said.splitlines()) == 1
        assert f"mlflow experiments restore --experiment-id {number}" in said
    code, found = moderato("doctor", "--json")
    assert code == 2
    assert "mlflow experiments restore" in found
    registry.client.restore_experiment(number)
    assert moderato("status")[0] == 0


def test_a_vanished_champion_is_never_a_first_one_to_any_step(settings, store):
    with pytest.raises(ValueError, match=GONE):
        incumbent.fn(settings, RUN)
    with pytest.raises(ValueError, match=GONE):
        look.fn(settings, 24.0)
    client, registry = store.registry.client, store.registry
    run_id = client.create_run(registry.experiment_id).info.run_id
    release = Release(version=2, key="k", run_id=run_id, snapshot="s")
    with pytest.raises(ValueError, match=GONE):
        promote.fn(settings, release)
    assert Registry(settings).champion() is None


def test_a_person_may_begin_anew_and_the_record_says_so(settings, store, lake):
    assert incumbent.fn(settings, RUN, begin_anew=True) is None
    run_id = store.registry.client.create_run(store.registry.experiment_id).info.run_id
    release = Release(version=2, key="k", run_id=run_id, snapshot="s")
    assert promote.fn(settings, release, begin_anew=True).promoted
    assert Registry(settings).champion().version == 2
    (written,) = lake.acts.open().to_table()["why"].to_pylist()
    assert written == "begun anew: it was deleted in MLflow"
    assert incumbent.fn(settings, RUN).version == 2


def test_where_a_champion_decides_begin_anew_changes_nothing(settings):
    two_versions(settings)
    assert incumbent.fn(settings, RUN, begin_anew=True).version == 1
