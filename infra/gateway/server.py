"""The gateway under uvicorn: its address, its processes, its signals and its log."""

from __future__ import annotations

import logging
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn

from infra.gateway.protocol import BoundedProtocol
from infra.gateway.telemetry import SHARED, JsonLines, Together
from infra.settings import Settings
from models.errors import UserError

KEEP_ALIVE = 75  # seconds
BACKLOG = 2048  # connections that wait to be accepted
LOG: dict[str, Any] = {  # JSON lines on standard error
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"stderr": {"()": Together, "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": logging.WARNING},
    "loggers": {"uvicorn.error": {"level": logging.INFO}, "infra.gateway": {"level": logging.INFO}},
}


class AddressError(UserError):
    """The gateway cannot listen where it was told to."""


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted until then is answered. Raises AddressError."""
    check_free(host, port)
    _allow_many_connections()
    with _shared_metrics(workers):
        _run(settings, host, port, workers)


def _run(settings: Settings, host: str, port: int, workers: int) -> None:
    app = "infra.gateway.app:from_environment"
    uvicorn.run(app, factory=True, host=host, port=port, workers=workers, log_config=LOG, **options(settings))


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
