import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context

import pytest
from tiny_model import make_candidate

from infra.registry import Registry, UnknownVersionError, deciders, is_empty, last_runs, publish
from models.bundle.assembly import assemble
from models.bundle.manifest import verify
from models.policies import POLICY_SETS


@pytest.fixture
def candidate(settings):
    return make_candidate(settings, posts=800)


@pytest.fixture
def bundle(candidate):
    return assembled(candidate)


def assembled(candidate):
    folder = candidate.folder / "bundle"
    policy_set = POLICY_SETS[candidate.snapshot.policy_set]
    assemble(
        folder, candidate.folder / "model", candidate.snapshot.uri, policy_set, storage_options={}, threads=1
    )
    return folder


def register(settings, candidate, bundle):
    return publish(
        Registry(settings), bundle, key=candidate.key, run_id=candidate.run_id, snapshot=candidate.snapshot.id,
        tags={"lake.posts": "1"},
    )  # fmt: skip


def open_store(settings):
    return Registry(settings).experiment_id


def test_nothing_is_opened_before_it_is_asked_for(settings):
    registry = Registry(settings)
    assert is_empty(settings)
    with pytest.raises(UnknownVersionError):
        registry.resolve("champion")
    assert (registry.champion(), registry.challenger(), registry.versions()) == (None, None, [])
    assert (deciders(registry), last_runs(registry, 5)) == ((), [])
    assert not settings.home.exists()


@pytest.mark.parametrize("where", ["aside", "in place"])
def test_a_store_whose_making_was_killed_between_two_migrations_is_made_anew(settings, monkeypatch, where):
    """The second is what a release left that made it in place."""
    monkeypatch.setenv("MODERATO_HOME", str(settings.home))
    half = settings.home / "mlflow.making" / "mlflow.db"
    code = "from infra.registry import Registry; from infra.settings import Settings; Registry(Settings()).client"
    with subprocess.Popen([sys.executable, "-c", code]) as making:
        while not migrated(half):
            assert making.poll() is None, "it ended before it could be killed"
            time.sleep(0.001)
        making.kill()
    database = settings.home / "mlflow.db"
    assert not database.exists()
    if where == "in place":
        shutil.move(half, database)
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("DELETE FROM alembic_version")  # what was done last was not noted yet
    assert open_store(settings) == "1"
    assert [path.name for path in sorted(settings.home.glob("mlflow*"))] == ["mlflow.db", "mlflow.lock"]


def migrated(database):
    """Whether the first of the migrations was done there."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(database)) as connection:
        try:
            return connection.execute("SELECT 1 FROM alembic_version").fetchone() is not None
        except sqlite3.OperationalError:
            return False


def test_processes_that_open_a_new_store_together_share_it(settings):
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert len(set(pool.map(open_store, [settings] * 3))) == 1


def test_a_registered_candidate_is_challenger_and_says_where_it_came_from(settings, candidate, bundle):
    version = register(settings, candidate, bundle)
    assert (version.version, version.key, version.aliases) == (1, candidate.key, ("challenger",))
    assert (version.run_id, version.snapshot) == (candidate.run_id, "snapshot-0")
    assert version.digest == verify(bundle)
    registry = Registry(settings)
    assert registry.challenger() == version
    assert registry.champion() is None
    assert registry.client.get_model_version("moderato", "1").tags["lake.posts"] == "1"


def test_a_candidate_is_registered_once_however_often_it_is_asked_for(settings, candidate, bundle):
    first = register(settings, candidate, bundle)
    assert register(settings, candidate, bundle) == first
    assert len(Registry(settings).versions()) == 1


def test_two_processes_that_register_one_candidate_make_one_version(settings, candidate, bundle):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        made = list(pool.map(register, [settings] * 2, [candidate] * 2, [bundle] * 2))
    assert made[0] == made[1]
    assert len(Registry(settings).versions()) == 1


class KilledError(BaseException):
    """What no handler catches, as SIGKILL."""


def test_killed_after_logging_the_model_registration_goes_on_with_that_model(
    settings, candidate, bundle, monkeypatch
):
    def killed(*_, **__):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.create_model_version", killed)
        with pytest.raises(KilledError):
            register(settings, candidate, bundle)
    registry = Registry(settings)
    assert registry.versions() == []
    assert register(settings, candidate, bundle).version == 1
    assert len(registry.client.search_logged_models([registry.experiment_id])) == 1


def test_killed_before_the_alias_registration_sets_it_on_the_same_version(
    settings, candidate, bundle, monkeypatch
):
    def killed(*_, **__):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.set_registered_model_alias", killed)
        with pytest.raises(KilledError):
            register(settings, candidate, bundle)
    assert register(settings, candidate, bundle).aliases == ("challenger",)
    assert len(Registry(settings).versions()) == 1


def test_promotion_moves_the_alias_and_remembers_who_was_champion(settings, candidate, bundle):
    registry = Registry(settings)
    register(settings, candidate, bundle)
    assert registry.promote(1).previous_champion == 0
    later = make_candidate(settings, seed=1, posts=800)
    register(settings, later, assembled(later))
    promoted = registry.promote(2)
    assert (promoted.aliases, promoted.previous_champion) == (("champion",), 1)
    assert registry.promote(2) == promoted
    assert registry.challenger() is None
    assert registry.version(1).aliases == ()


def test_killed_in_promotion_the_next_one_ends_it(settings, candidate, bundle, monkeypatch):
    def killed(*_, **__):
        raise KilledError

    registry = Registry(settings)
    register(settings, candidate, bundle)
    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.delete_registered_model_alias", killed)
        with pytest.raises(KilledError):
            registry.promote(1)
    promoted = registry.promote(1)
    assert (promoted.aliases, promoted.previous_champion) == (("champion",), 0)


def test_registering_the_champion_again_makes_it_no_challenger(settings, candidate, bundle):
    register(settings, candidate, bundle)
    Registry(settings).promote(1)
    assert register(settings, candidate, bundle).aliases == ("champion",)


def test_an_unknown_version_lists_the_choices(settings, candidate, bundle):
    register(settings, candidate, bundle)
    with pytest.raises(UnknownVersionError) as error:
        Registry(settings).resolve("champion")
    assert str(error.value) == "no version 'champion' of moderato; choose one of: 1 (challenger)"


def test_an_empty_registry_says_how_to_fill_it(settings):
    with pytest.raises(UnknownVersionError) as error:
        Registry(settings).resolve("champion")
    assert str(error.value) == (
        "no model 'champion': nothing is registered as moderato yet; train a first champion with moderato retrain"
    )


def test_a_bundle_is_fetched_once_and_checked(settings, candidate, bundle):
    version = register(settings, candidate, bundle)
    registry = Registry(settings)
    fetched = registry.fetch(version)
    assert verify(fetched) == version.digest
    written = (fetched / "manifest.json").stat().st_mtime_ns
    assert registry.fetch(version) == fetched
    assert (fetched / "manifest.json").stat().st_mtime_ns == written


READER = """
import base64, json, sys
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/moderato@champion")
picture = open(sys.argv[2], "rb").read()
frames = [{"text": ["hate_speech"], "market": ["DE"]}, {"text": [None], "image": [picture]},
          {"text": [None], "image": [base64.b64encode(picture).decode()]}]
plain, as_bytes, as_text = (model.predict(pd.DataFrame(frame)) for frame in frames)
assert list(plain) == model.metadata.signature.outputs.input_names()
assert as_bytes.equals(as_text)
unread = model.predict(pd.DataFrame([{"text": "a", "video": picture}, {"text": "b"}]))["unread"]
assert [[item["part"] for item in json.loads(found)] for found in unread] == [["video"], []]
assert as_bytes["graphic_content"][0] > plain["graphic_content"][0]
print(plain["hate_speech"][0], plain["action"][0], model.input_example["text"][0])
"""


@pytest.mark.slow
def test_any_reviewer_loads_the_champion_with_mlflow_alone(settings, candidate, bundle, tmp_path):
    from tiny_model import picture

    register(settings, candidate, bundle)
    Registry(settings).promote(1)
    (tmp_path / "picture.png").write_bytes(picture(250))
    command = [sys.executable, "-c", READER, settings.tracking_uri, str(tmp_path / "picture.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    score, action, example = done.stdout.split(maxsplit=2)
    assert float(score) > 0.3
    assert action in {"allow", "limit", "age_gate", "review", "remove"}
    assert example.strip() == "an invented harmless caption"
