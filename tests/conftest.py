"""Fixtures that every test may ask for: a home of its own, the lake in it, the data beside a developer's checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.lake import Lake, open_lake
from infra.settings import PREFIX, Settings

pytest_plugins = ["side_by_side", "s3_server", "running_platform", "chromium"]

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(f"{PREFIX}HOME", str(tmp_path / "home"))
    if "PYTEST_XDIST_WORKER" in os.environ:  # a core each, as side_by_side says
        monkeypatch.setenv(f"{PREFIX}THREADS", "1")


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    """What a command does to its process ends with the test that calls it in this one."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def settings() -> Settings:
    """Settings of an empty home."""
    return Settings(_env_file=None)


@pytest.fixture
def lake(settings: Settings) -> Lake:
    return open_lake(settings)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets, which a user's clone does not have."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real data sets in a folder shared/data beside the checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one Prefect server for the whole session."""
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_LOCAL_STORAGE_PATH"] = str(tmp_path_factory.mktemp("results"))
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    from flows.temporary_server import tie_temporary_server

    tie_temporary_server()  # to these tests, should they be killed
    with prefect_test_harness(server_startup_timeout=300):
        yield str(PREFECT_API_URL.value())
