import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import Settings, SettingsError, explain


def test_home_holds_all_state_by_default(settings, tmp_path):
    home = tmp_path / "home"
    assert settings.lake == str(home / "lake")
    assert settings.tracking_uri == f"sqlite:///{home / 'mlflow.db'}"
    assert settings.results.is_relative_to(home)
    assert settings.work.is_relative_to(home)


def test_every_setting_is_described():
    assert all(field.description for field in Settings.model_fields.values())


def test_a_secret_is_masked_wherever_it_is_shown(monkeypatch):
    monkeypatch.setenv("MODERATO_S3_SECRET_KEY", "opensesame")
    settings = Settings()
    assert settings.storage_options["aws_secret_access_key"] == "opensesame"
    assert "opensesame" not in repr(settings) + str(list(explain(settings)))


def test_explain_says_where_a_value_came_from(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MODERATO_PRESET=compact\nMODERATO_SEED=5\n")
    monkeypatch.setenv("MODERATO_SEED", "7")
    rows = {row.variable: row for row in explain(Settings())}
    assert (rows["MODERATO_SEED"].value, rows["MODERATO_SEED"].source) == ("7", "environment")
    assert rows["MODERATO_PRESET"].source == ".env"
    assert rows["MODERATO_PLAN"].source == "default"


def test_a_wrong_value_names_the_variable_and_the_value(monkeypatch):
    monkeypatch.setenv("MODERATO_SEED", "seven")
    with pytest.raises(SettingsError, match="MODERATO_SEED is 'seven': input should be a valid integer"):
        Settings()


def test_a_folder_needs_no_storage_options(monkeypatch):
    monkeypatch.setenv("MODERATO_S3_ENDPOINT", "http://127.0.0.1:1")
    assert Settings().options_for("/lake") == {}
    assert Settings().options_for("s3://bucket/lake")["allow_http"] == "true"


TEMPORARY = """
from infra.environment import adopt
from infra.settings import Settings
adopt(Settings())
import httpx
from prefect import flow, get_client
@flow
def tried():
    with get_client(sync_client=True) as client:
        api = str(client.api_url).rstrip("/")
        page = {"Origin": "http://elsewhere.example"}
        answer = httpx.post(f"{api}/flow_runs/filter", json={}, headers=page)
        known = client.read_flow_runs()
    print(answer.status_code, answer.headers.get("access-control-allow-origin"), len(known))
tried()
"""


@pytest.mark.slow
def test_the_temporary_server_of_a_command_answers_nobody_else(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TEMPORARY], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
    )  # fmt: skip
    assert done.stdout.strip() == "401 None 1", done.stderr[-3000:]
