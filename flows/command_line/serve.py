"""`moderato serve`: the gateway, until it is told to stop."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def serve(
    *,
    host: Annotated[
        str, Parameter(help="address to listen on; the default is this machine alone")
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(help="port to listen on")] = 8000,
    workers: Annotated[int, Parameter(help="processes, each with its own copy of the models")] = 1,
) -> None:
    """Serve decisions over HTTP: POST /v1/moderations and /v1/decisions, with keys from `moderato keys create`.

    SIGTERM and Ctrl-C finish what was accepted.
    """
    from infra.settings import Settings, adopt

    settings = Settings()
    adopt(settings)
    from infra.gateway import serve as run

    run(settings, host, port, workers)
