"""Prefect's server behind the guard: `python -m infra.servers.prefect --host HOST --port PORT`.

The same app as `prefect server start` runs, and the same way as Prefect's own background mode does: under uvicorn, by
its factory. Its password is Prefect's own, which its page asks for.
"""

from __future__ import annotations

import os

import uvicorn
from starlette.types import ASGIApp

from infra.servers.arguments import GRACE, arguments
from infra.servers.guard import Guard, authorities, names
from infra.settings import Settings


def environment(settings: Settings, port: int) -> dict[str, str]:
    """What Prefect's server is told: whose pages may read its answers, and the password."""
    pages = authorities(settings, port)
    told = {
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(
            sorted(f"{scheme}://{page}" for page in pages for scheme in ("http", "https"))
        ),
        "PREFECT_SERVER_CORS_ALLOWED_METHODS": "GET,POST,PUT,PATCH,DELETE",
    }
    pair = settings.credentials
    return told | ({"PREFECT_SERVER_API_AUTH_STRING": pair, "PREFECT_API_AUTH_STRING": pair} if pair else {})


def guarded(settings: Settings, port: int) -> ASGIApp:
    """Prefect's app; reads the environment, so that must be complete."""
    from prefect.server.api.server import create_app

    return Guard(create_app(final=True), names=names(settings), authorities=authorities(settings, port))


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    asked, settings = arguments("prefect"), Settings()
    os.environ.update(
        environment(settings, asked.port)
    )  # before Prefect is imported: it reads its environment then
    from prefect.settings import get_current_settings

    server = get_current_settings().server
    uvicorn.run(
        guarded(settings, asked.port),
        host=asked.host,
        port=asked.port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        timeout_graceful_shutdown=GRACE,
        log_level=server.logging_level.lower(),
        server_header=False,
    )


if __name__ == "__main__":
    main()
