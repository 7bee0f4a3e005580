"""The gateway under uvicorn: its address, its processes, its signals and its log."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

from infra.gateway.api.protocol import BoundedProtocol
from infra.gateway.api.telemetry import SHARED, JsonLines
from infra.settings import Settings
from models.domain.errors import UserError

KEEP_ALIVE = 75  # seconds
READY = 0.5  # seconds that a process has to say that it serves
BACKLOG = 2048  # connections that wait to be accepted
LOG: dict[str, Any] = {  # JSON lines on standard error
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": logging.WARNING},
    "loggers": {"uvicorn.error": {"level": logging.INFO}, "infra.gateway": {"level": logging.INFO}},
}


class AddressError(UserError):
    """The gateway cannot listen where it was told to."""


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted until then is answered. Raises AddressError, and
    KeyboardInterrupt after SIGINT.
    """
    check_free(host, port)
    _allow_many_connections()
    with _shared_metrics(workers):
        _run(settings, host, port, workers)


def _run(settings: Settings, host: str, port: int, workers: int) -> None:
    app = "infra.gateway.api.app:from_environment"
    config = uvicorn.Config(
        app, factory=True, host=host, port=port, workers=workers, log_config=LOG, **options(settings)
    )
    if workers > 1:
        several = _Several(config, [config.bind_socket()])
        several.run()
        if several.interrupted:
            raise KeyboardInterrupt
        return
    server = uvicorn.Server(config)
    server.run()  # raises the signal again that ended it
    if not server.started:
        sys.exit(STARTUP_FAILURE)


class _Kept(multiprocess.Process):
    """A process that a terminal's Ctrl-C does not reach, while it imports or later: its parent tells it to end."""

    def start(self) -> None:
        resource_tracker.ensure_running()  # which lets the signal through again where it has to start first
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which a new process inherits
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class _Several(multiprocess.Multiprocess):
    """Processes of uvicorn's; `interrupted` says whether Ctrl-C ended them."""

    interrupted = False

    def init_processes(self) -> None:
        multiprocess.Process = _Kept  # type: ignore[misc] # those that are started again are made by this name too
        super().init_processes()

    def handle_int(self) -> None:
        self.interrupted = True
        for process in self.processes:
            if not process.is_ready(READY):
                process.kill()  # it has accepted nothing, and would open its models first
        super().handle_int()


def options(settings: Settings) -> dict[str, Any]:
    """How uvicorn serves the app, wherever it listens."""
    return {
        "loop": "uvloop",
        "http": BoundedProtocol,
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": int(settings.gateway_drain_seconds),
        "backlog": BACKLOG,
    }


def _allow_many_connections() -> None:
    """As many open sockets as the system lets this process have; many systems begin with 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def _shared_metrics(workers: int) -> Iterator[None]:
    """Where several processes add up their metrics, so that each answers for all; one process needs no such place."""
    if workers == 1:
        yield
        return
    with TemporaryDirectory(prefix="moderato-metrics-") as folder:
        os.environ[SHARED] = folder
        yield


def check_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise AddressError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with --host or --port"
        ) from None
