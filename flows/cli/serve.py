"""`moderato serve`: the gateway, until it is told to stop."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.listening import address, told
from flows.cli.loading import spoken


def serve(
    *,
    host: Annotated[
        str, Parameter(help="address to listen on; the default is this machine alone")
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(help="port to listen on", validator=Number(gte=1, lte=65535))] = 8000,
    workers: Annotated[
        int | None,
        Parameter(
            help="processes, each with its own copy of the models: 1 by default; "
            "with --ray the most that may start under load, as many as it has cores by default",
            validator=Number(gte=1),
        ),
    ] = None,
    ray: Annotated[
        bool, Parameter(help="on the Ray cluster of RAY_ADDRESS, or a Ray of its own", negative="")
    ] = False,
) -> None:
    """Serve decisions over HTTP: POST /v1/moderations and /v1/decisions, with keys from `moderato keys create`.

    SIGTERM and Ctrl-C finish what was accepted.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    _say(f"starting the gateway on {address(host, port)}")
    if ray:
        from infra.ray.serving import serve_on_ray

        with told(host, port, _say):
            serve_on_ray(settings, host, port, workers)
    else:
        from infra.gateway.api.server import serve as run

        with told(host, port, _say):
            run(settings, host, port, workers or 1)


def _say(line: str) -> None:
    """The log on standard error is for machines."""
    from flows.cli.plain import said

    spoken()
    print(said(line), flush=True)  # noqa: T201 - the command's own output
