"""`moderato up` as a process, for tests that use the platform as a person would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from no_tls import NO_TLS
from ports import free_ports

from infra.lake import open_lake
from infra.settings import Settings
from infra.simulator import simulate

QUICK = (
    "compact,epochs=1,minimum_steps=100,averaging=0.9,folds=0"  # as fast as trial, and may replace a champion
)
READY, STOPPED = 150.0, 60.0  # seconds
BUSY = 60  # times that a server that is busy, or starts again, is asked
ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
SOON, SELDOM = (
    0.05,
    1.0,
)  # seconds between two looks, at first and after a while: each costs cores that others wait for


@dataclass(frozen=True)
class Platform:
    """A platform that runs. `ports` are Prefect's, MLflow's and the gateway's."""

    settings: Settings
    ports: tuple[int, ...]

    @property
    def prefect(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def mlflow(self) -> str:
        return f"http://127.0.0.1:{self.ports[1]}"

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.ports[2]}"

    @property
    def auth(self) -> tuple[str, str] | None:
        """User and password of Prefect and MLflow, None where they ask for none."""
        user, _, password = self.settings.credentials.partition(":")
        return (user, password) if user else None

    def api(self, method: str, path: str, **body: Any) -> Any:
        """Prefect's answer."""
        answer = self._asked(method, path, body)
        for _ in range(BUSY):
            if answer is not None and not answer.is_server_error:
                break
            time.sleep(1)
            answer = self._asked(method, path, body)
        assert answer is not None, "Prefect's server is gone"
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _asked(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response | None:
        """None while the server is away; 503 is SQLite under several writers, 500 a database that starts again."""
        try:
            return httpx.request(
                method,
                f"{self.prefect}/api{path}",
                json=body or None,
                timeout=30,
                auth=self.auth,
                verify=NO_TLS,
            )
        except httpx.TransportError:
            return None

    def start(self, *, deployment: str = "retrain/retrain", **parameters: Any) -> str:
        """The id of a new run."""
        known = self.api("GET", f"/deployments/name/{deployment}")["id"]
        made = self.api(
            "POST",
            f"/deployments/{known}/create_flow_run",
            parameters=parameters,
            state={"type": "SCHEDULED"},
        )
        return str(made["id"])

    def only_by_hand(self, *deployments: str) -> None:
        """Pause their schedules: a run that the clock starts meanwhile would have one started here refused."""
        for name in deployments:
            known = self.api("GET", f"/deployments/name/{name}")
            for schedule in known["schedules"]:
                self.api("PATCH", f"/deployments/{known['id']}/schedules/{schedule['id']}", active=False)

    def state(self, run: str) -> dict[str, Any]:
        return dict(self.api("GET", f"/flow_runs/{run}")["state"])

    def ended(self, run: str, patience: float = 240) -> dict[str, Any]:
        """The state in which a run ended."""
        wait_for(lambda: self.state(run)["type"] in ENDS, patience)
        return self.state(run)

    def waits(self, run: str, patience: float = 240) -> None:
        """Returns once a run asks for an approval."""
        wait_for(lambda: self.state(run)["type"] in (*ENDS, "PAUSED"), patience)
        assert self.state(run)["type"] == "PAUSED", self.state(run)

    def artifacts(self, run: str) -> dict[str, Any]:
        """What the run's page shows, by key."""
        found = self.api("POST", "/artifacts/filter", flow_runs={"id": {"any_": [run]}})
        return {artifact["key"]: artifact["data"] for artifact in found}


@dataclass(frozen=True)
class Up(Platform):
    """What `moderato up` started."""

    process: subprocess.Popen[bytes]
    log: Path

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def service(self, *words: str) -> psutil.Process:
        """The process of one service, by words of its command."""
        return next(it for it in self.children() if all(word in _command(it) for word in words))


def _command(process: psutil.Process) -> str:
    """Nothing for one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Callable[[], object], patience: float) -> None:
    deadline, pause = time.monotonic() + patience, SOON
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience:.0f} s"
        time.sleep(pause)
        pause = min(SELDOM, pause * 1.5)


def is_up(log: str) -> bool:
    """Whether all services answer; a gateway without a champion is not ready."""
    return "\nready" in log or "\nup, not ready" in log


@contextmanager
def up(home: Path, *arguments: str, **environment: str) -> Iterator[Up]:
    """A platform on `home` until the block is left; it must stop by itself then, with nothing left over."""
    ports = free_ports(3)
    names = ("MODERATO_PREFECT_PORT", "MODERATO_MLFLOW_PORT", "MODERATO_GATEWAY_PORT")
    chosen = {name: str(port) for name, port in zip(names, ports, strict=True)}
    home.mkdir(parents=True, exist_ok=True)
    log = home / "up.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "up", *arguments],
            env=inherited | {"MODERATO_HOME": str(home)} | chosen | environment,
            stdout=out,
            stderr=out,
        )
    password = environment.get("MODERATO_PASSWORD")
    platform = Up(Settings(home=home, password=password, _env_file=None), ports, process, log)
    try:
        wait_for(lambda: is_up(log.read_text()) or process.poll() is not None, READY)
        assert process.poll() is None, log.read_text()
        yield platform
        left = platform.children()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOPPED) == 0, log.read_text()
        assert [it for it in left if runs(it)] == []
    finally:
        for it in platform.children() if process.poll() is None else []:
            it.kill()
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One platform for the session, with a few simulated weeks in its lake and a gateway that nobody asks."""
    home = tmp_path_factory.mktemp("platform")
    simulate(open_lake(Settings(home=home, _env_file=None)), posts=4000, weeks=4, seed=1)
    with up(home) as running:
        yield running
