"""The embedded store read and written without MLflow says and leaves what MLflow's own client does."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from sqlite3 import connect as sqlite

import pytest
from made_up_traffic import two_versions

from infra.registry import Registry, Status, last_runs, mark_version
from infra.registry.embedded import REVISION, AbsentError, EmbeddedClient, fits
from infra.registry.store import connect


@pytest.fixture
def clients(settings):
    """Ours, which may ask nothing of MLflow's, and MLflow's."""
    store = two_versions(settings)
    theirs = store.registry.client

    def never():
        raise AssertionError("MLflow was asked")

    return EmbeddedClient(settings.home / "mlflow.db", never), theirs


def told(version):
    names = ("name", "version", "creation_timestamp", "run_id", "tags")
    return [getattr(version, name) or None for name in names] + [
        version.description or "",
        sorted(version.aliases),
    ]


def test_this_mlflow_makes_the_tables_that_are_known(settings):
    two_versions(settings)
    with closing(sqlite(settings.home / "mlflow.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]
        connection.execute("UPDATE alembic_version SET version_num = 'of another release'")
        connection.commit()
    assert not fits(settings.home / "mlflow.db")
    assert not fits(settings.home / "none.db")


def test_versions_are_told_alike(clients, settings):
    ours, theirs = clients
    name = settings.registered_model
    theirs.set_model_version_tag(name, "2", "key", 'it\'s "one"')
    theirs.update_model_version(name, "2", "of **people**")
    for number in ("1", "2"):
        assert told(ours.get_model_version(name, number)) == told(theirs.get_model_version(name, number))
    for alias in ("champion", "challenger"):
        assert told(ours.get_model_version_by_alias(name, alias)) == told(
            theirs.get_model_version_by_alias(name, alias)
        )
    assert [it.version for it in ours.search_model_versions(f"name = '{name}'")] == [1, 2]
    assert [it.version for it in ours.search_model_versions(f"name = '{name}' and tags.`key` = 'x'")] == []
    theirs.delete_model_version(name, "2")
    for ask in (
        lambda: ours.get_model_version(name, "2"),
        lambda: ours.get_model_version_by_alias(name, "challenger"),
        lambda: ours.set_registered_model_alias(name, "champion", "2"),
        lambda: ours.set_model_version_tag("no model", "1", "a", "b"),
        lambda: ours.get_registered_model("no model"),
    ):
        with pytest.raises(AbsentError):
            ask()


def test_what_is_written_is_what_mlflow_reads(clients, settings):
    ours, theirs = clients
    name = settings.registered_model
    ours.set_registered_model_alias(name, "champion", "2")
    ours.delete_registered_model_alias(name, "challenger")
    ours.set_model_version_tag(name, "2", "key", "first")
    ours.set_model_version_tag(name, "2", "key", "then")
    ours.update_model_version(name, "2", "described")
    ours.set_registered_model_tag(name, "remembers", "[1]")
    version = theirs.get_model_version(name, "2")
    assert (version.tags["key"], version.description, version.aliases) == ("then", "described", ["champion"])
    assert theirs.get_registered_model(name).tags["remembers"] == "[1]"
    assert ours.get_registered_model(name).tags == theirs.get_registered_model(name).tags


def test_runs_are_told_and_renamed_alike(clients, settings):
    ours, theirs = clients
    registry = Registry(settings)
    experiment = registry.experiment_id
    made = [theirs.create_run(experiment, start_time=n + 1, tags={"moderato.candidate": f"k{n}"}, run_name=f"r{n}")
            for n in range(3)]  # fmt: skip
    theirs.log_metric(made[2].info.run_id, "macro_average_precision", 0.5)
    theirs.delete_run(made[1].info.run_id)
    expected = last_runs(registry, 5)
    registry.__dict__["client"] = ours
    assert last_runs(registry, 5) == expected
    assert [run.name for run in expected] == ["r2", "r0"]
    ours.set_tag(made[0].info.run_id, "said", "so")
    ours.update_run(made[0].info.run_id, name="another")
    run = theirs.get_run(made[0].info.run_id)
    assert (run.info.run_name, run.data.tags["said"], run.data.tags["mlflow.runName"]) == (
        "another",
        "so",
        "another",
    )


def test_a_rollback_ends_the_same_through_either(settings):
    store = two_versions(settings)
    quick = Registry(settings)
    quick.__dict__["client"] = EmbeddedClient(settings.home / "mlflow.db", lambda: connect(settings))
    quick.restore(2)
    assert store.registry.champion().version == 2
    assert mark_version(quick, 1, Status.SUPERSEDED) is None
    assert store.registry.client.get_model_version(quick.name, "1").tags["moderato.status"] == "superseded"


COMMANDS = ["rollback --to 1", "canary abort --reason no", "canary status", "status"]
WITHOUT = """
import sys
from flows.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code in (0, 2), end.code
print(sorted({"mlflow", "pandas", "sqlalchemy", "prefect", "duckdb", "torch", "fastapi"} & set(sys.modules)))
"""


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_for_a_hurry_imports_no_large_library(settings, words):
    store = two_versions(settings)
    store.registry.fetch(store.registry.resolve("1"))  # as on a machine where it was served
    assert store.registry.experiment_id
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words.split()],
        capture_output=True,
        text=True,
        cwd=Path.cwd(),
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
