"""A lake in a folder and a lake on an S3 server: what is claimed of one is claimed of the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from s3_server import S3Server

from infra.ingest import Summary, ingest
from infra.settings import Settings

Bring = Callable[..., Summary]


@pytest.fixture(autouse=True)
def _several_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's worker computes on one thread; files are read by several at once."""
    monkeypatch.delenv("MODERATO_THREADS", raising=False)


@pytest.fixture(params=["local", pytest.param("s3", marks=[pytest.mark.s3, pytest.mark.slow])])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    if request.param == "local":
        return Settings(_env_file=None, home=home)
    server: S3Server = request.getfixturevalue("s3_server")
    bucket = server.bucket(server.settings(home)).bucket
    return server.settings(home, lake_uri=f"s3://{bucket}/lake")


@pytest.fixture
def bring(settings: Settings, tmp_path: Path) -> Bring:
    """Write a file into a folder and ingest it."""

    def run(source: str, name: str, data: str | bytes, **options: Any) -> Summary:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return ingest(settings, source, str(path), **options)

    return run
