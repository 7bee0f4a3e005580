"""A home of one's own for a test of a flow."""

import shutil

import pytest

from infra.settings import Settings


@pytest.fixture
def home(simulated, tmp_path, monkeypatch, prefect_server):
    """Settings of a copy of the file's `simulated` home, for this process and the commands that it starts."""
    shutil.copytree(simulated, tmp_path / "home")
    monkeypatch.setenv("MODERATO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MODERATO_PREFECT_API_URL", prefect_server)
    return Settings()
