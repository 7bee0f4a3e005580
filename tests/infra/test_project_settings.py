"""Settings in a project: found from below, the environment first, and every value says where it is from."""

from __future__ import annotations

import pytest

from infra.environment import adopt, isolate
from infra.ray.cluster import environment
from infra.settings import Settings, SettingsError, explain
from models.domain.located import WrittenError
from models.domain.project import MARK, NoProjectError, project_folder


def sources():
    return {row.variable.removeprefix("MODERATO_"): (row.value, row.source) for row in explain(Settings())}


def test_a_project_is_found_from_below_and_holds_the_state(project):
    assert project_folder() == project.folder
    settings = Settings()
    assert settings.home == project.folder / ".moderato"
    assert settings.lake == str(project.folder / ".moderato" / "lake")
    assert settings.policy_set == "guidelines"


def test_the_environment_wins_over_dotenv_and_that_over_the_file(project, monkeypatch):
    project.write(MARK, 'preset = "video"\nplan = "brief"\nseed = 3\n')
    project.write(".env", "MODERATO_PRESET=trial\nMODERATO_PLAN=steady\n")
    (project.below / ".env").write_text("MODERATO_PRESET=transformer\n")  # not the project's
    monkeypatch.setenv("MODERATO_PLAN", "brief")
    found = sources()
    assert found["PLAN"] == ("brief", "environment")
    assert found["PRESET"] == ("trial", ".env")
    assert found["SEED"] == ("3", MARK)
    assert found["DEVICES"] == ("1", "default")
    assert found["PROJECT"] == (str(project.folder), MARK)


def test_relative_addresses_begin_at_the_project(project):
    project.write(MARK, 'home = "state"\nlanding_uri = "in"\nmlflow_tracking_uri = "sqlite:///runs.db"\n')
    project.write(".env", "MODERATO_LAKE_URI=lake\nMODERATO_RESULT_URI=s3://bucket/results\n")
    settings = Settings()
    assert settings.home == project.folder / "state"
    assert settings.landing == str(project.folder / "in")
    assert settings.lake == str(project.folder / "lake")
    assert settings.tracking_uri == f"sqlite:///{project.folder}/runs.db"
    assert settings.result_uri == "s3://bucket/results"


def test_outside_of_a_project_all_is_as_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODERATO_HOME")
    (tmp_path / ".env").write_text("MODERATO_LANDING_URI=in\n")
    settings = Settings()
    assert (str(settings.home), settings.landing, settings.project) == (".moderato", "in", "")


def test_a_project_may_be_named(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert project_folder() is None
    monkeypatch.setenv("MODERATO_PROJECT", "shop")
    assert project_folder() == project.folder
    assert Settings().policy_set == "guidelines"


def test_a_project_that_is_named_and_is_none_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATO_PROJECT", str(tmp_path))
    with pytest.raises(NoProjectError, match=r"holds no moderato\.toml; `moderato init"):
        Settings()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('polcy_set = "guidelines"', "moderato.toml:2: no setting is called 'polcy_set': did you mean 'policy_set'?"),
        ('password = "opensesame123"', "moderato.toml:2: password is a secret, and this file is for everybody; write"),
        ('notify_webhook = "https://hooks.example/x"', "moderato.toml:2: notify_webhook is a secret"),
        ("[gateway]\nport = 8000", "moderato.toml:2: no setting is called 'gateway'"),
        ("[home]\na = 1", "moderato.toml:2: home has one value"),
        ('seed = "a" "b"', "moderato.toml:2: "),
        ("seed = 1\nseed = 2", "moderato.toml:3: cannot overwrite a value; it stands there twice"),
    ],
)  # fmt: skip
def test_a_fault_in_the_file_has_its_line(project, line, told):
    project.write(MARK, f"# settings\n{line}\n")
    with pytest.raises(WrittenError) as error:
        Settings()
    assert str(error.value).startswith(told)


def test_a_value_that_cannot_be_is_told_with_its_line(project):
    project.write(MARK, "# settings\n\nseed = -1\n")
    with pytest.raises(
        SettingsError, match=r"^moderato\.toml:3: seed is '-1': input should be greater than or equal to 0"
    ):
        Settings()


def test_processes_that_a_command_starts_find_the_project_wherever_they_are(project, tmp_path, monkeypatch):
    adopt(Settings())
    monkeypatch.chdir(tmp_path)
    assert project_folder() == project.folder
    assert Settings().lake == str(project.folder / ".moderato" / "lake")


def test_a_cluster_is_told_the_settings_and_no_folder_of_this_machine_as_its_project(project):
    told = environment(Settings())
    assert told["MODERATO_POLICY_SET"] == "guidelines"
    assert "MODERATO_PROJECT" not in told


def test_the_demo_of_a_project_is_judged_by_the_shipped_policies(project, tmp_path):
    settings = isolate(tmp_path / "demo")
    assert (settings.policy_set, settings.home) == ("community_guidelines", tmp_path / "demo")


def test_no_file_is_read_where_none_is_asked_for(project):
    assert Settings(_env_file=None).policy_set == "community_guidelines"
