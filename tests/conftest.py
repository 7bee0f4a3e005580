"""Fixtures that every test may ask for: a home of its own, the lake in it, the data beside a developer's checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.lake import Lake, open_lake
from infra.settings import PREFIX, Settings

pytest_plugins = ["side_by_side", "s3_server", "running_platform", "chromium", "projects"]

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _settings_of_prefect(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What Prefect reads in the environment when it is first imported, whichever test that is."""
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_LOCAL_STORAGE_PATH"] = str(tmp_path_factory.mktemp("results"))


@contextmanager
def process_as_before() -> Iterator[None]:
    """What a command does to the process that calls it ends here."""
    environment, mask = dict(os.environ), os.umask(0o022)
    os.umask(mask)
    try:
        yield
    finally:
        os.umask(mask)
        for name in os.environ.keys() - environment:
            del os.environ[name]
        os.environ.update(environment)


@pytest.fixture(autouse=True, scope="module")
def _own_process_of_a_file(_settings_of_prefect: None) -> Iterator[None]:
    with process_as_before():
        yield


@pytest.fixture(autouse=True)
def _own_process(tmp_path: Path) -> Iterator[None]:
    """A home of its own, and no settings from outside."""
    with process_as_before():
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]
        os.environ[f"{PREFIX}HOME"] = str(tmp_path / "home")
        os.environ[f"{PREFIX}CARD_PDF"] = "false"  # a start of Chromium for each champion
        if "PYTEST_XDIST_WORKER" in os.environ:  # a core each, as side_by_side says
            os.environ[f"{PREFIX}THREADS"] = "1"
        yield


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
def prefect_server(_settings_of_prefect: None) -> Iterator[str]:
    """The address of one Prefect server for the whole session."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    from flows.temporary_server import tie_temporary_server

    tie_temporary_server()  # to these tests, should they be killed
    with prefect_test_harness(server_startup_timeout=300):
        yield str(PREFECT_API_URL.value())
