"""Gateways for tests: in a thread on a real port, or as the process that `moderato serve` is."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from no_tls import NO_TLS
from ports import free_port
from tiny_model import make_candidate, make_champion

from infra.gateway import KeyStore, Scope
from infra.gateway.api.app import create_app
from infra.gateway.api.server import options
from infra.lake import open_lake
from infra.registry import Registry
from infra.rollout import Rollout
from infra.settings import Settings
from tasks.release.evaluate import evaluate
from tasks.release.register import Release, register

SOON = 30.0  # seconds after which a test gives up waiting


def make_home(home: Path) -> None:
    """A home with a champion, version 1, and a challenger, version 2, that takes no traffic yet."""
    settings = Settings(home=home, _env_file=None)
    make_champion(settings)
    add_challenger(settings, seed=1, strength=5.0)


def add_challenger(settings: Settings, *, seed: int, strength: float = 6.0) -> Release:
    candidate = make_candidate(settings, seed=seed, strength=strength)
    return register.fn(settings, candidate, evaluate.fn(settings, candidate, None))


def copied(template: Path, home: Path) -> Settings:
    """A home of its own that shares the template's registered artifacts."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(template / "mlflow.db", home / "mlflow.db")
    return Settings(home=home, _env_file=None, gateway_refresh_seconds=0.2)


def roll_out(settings: Settings, *, share: float = 0.0, shadow: float = 0.0, name: str = "r1") -> None:
    """Begin or move the rollout of version 2."""
    now = datetime.now(UTC)
    rollout = Rollout(
        id=name, plan="standard", champion=1, challenger=2, share=share, shadow=shadow, began=now, stage_began=now
    )  # fmt: skip
    Registry(settings).roll_out(2, rollout.model_dump_json())


def new_key(settings: Settings, *scopes: Scope) -> str:
    return KeyStore.of(open_lake(settings)).create(scopes or (Scope.DECIDE, Scope.READ))[0]


@dataclass
class Served:
    """A gateway that answers at `url`."""

    settings: Settings
    url: str
    key: str

    def client(self, **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=SOON, verify=NO_TLS, **options)

    def decide(self, *names: str, text: str = "violence plain1") -> list[dict[str, Any]]:
        """Decisions about posts of these names."""
        posts = [{"post_id": name, "text": text} for name in names]
        with self.client() as client:
            answer = client.post("/v1/decisions", json={"posts": posts})
        assert answer.status_code == 200, answer.text
        return answer.json()["decisions"]

    def rows(self, condition: str = "true") -> list[dict[str, Any]]:
        """What the lake's decisions table holds."""
        table = open_lake(self.settings).decisions
        return table.open().to_table(filter=condition).to_pylist() if table.exists() else []

    def ready(self) -> dict[str, Any]:
        return httpx.get(f"{self.url}/readyz", timeout=SOON, verify=NO_TLS).json()


@contextmanager
def in_thread(settings: Settings, *, ready: bool = True) -> Iterator[Served]:
    """A gateway in this process, which is stopped as SIGTERM would stop it."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, **options(settings)))
    thread = threading.Thread(target=_serve, args=(server, listening))
    thread.start()
    served = Served(settings, f"http://127.0.0.1:{listening.getsockname()[1]}", new_key(settings))
    try:
        until(lambda: server.started or not thread.is_alive())
        assert not ready or served.ready()["status"] == "ready"
        yield served
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listening]))


class Process:
    """`moderato serve` as a process that signals can be sent to."""

    def __init__(
        self, settings: Settings, *arguments: str, port: int = 0, environment: dict[str, str] | None = None
    ) -> None:
        self.port = port or free_port()
        environment = {**os.environ, "MODERATO_HOME": str(settings.home), **(environment or {})}
        command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(self.port), *arguments]
        self.log = settings.home / "gateway.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, env=environment)
        self.served = Served(settings, f"http://127.0.0.1:{self.port}", "")

    def await_ready(self, seconds: float = SOON) -> Served:
        until(self._answers, seconds)
        return self.served

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.served.url}/readyz", verify=NO_TLS).status_code == 200
        except httpx.TransportError:
            return False


def until(holds: Callable[[], bool], seconds: float = SOON) -> None:
    """Wait for what must come true soon."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
