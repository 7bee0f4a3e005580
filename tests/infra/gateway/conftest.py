"""Homes with registered models, and a gateway that the tests of one file share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_server import Served, copied, in_thread, make_home

from infra.settings import Settings


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with champion and challenger; read it, and copy what is to be changed."""
    home = tmp_path_factory.mktemp("registered")
    make_home(home)
    return home


@pytest.fixture
def home(registered: Path, settings: Settings) -> Settings:
    """Settings of a home of its own in which version 1 decides."""
    return copied(registered, settings.home)


@pytest.fixture(scope="module")
def gateway(registered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway at which version 1 decides everything."""
    with in_thread(copied(registered, tmp_path_factory.mktemp("shared") / "home")) as served:
        yield served
