"""`moderato up`: everything that one machine needs, in one live screen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from infra.home import Standing
    from infra.platform import Service, Supervisor
    from infra.settings import Settings

POLL_SECONDS = 0.5  # seconds between two looks
HOST = "127.0.0.1"

Port = Annotated[
    int | None, Parameter(help="the setting's when not given", validator=Number(gte=1, lte=65535))
]


def up(
    *,
    prefect_port: Port = None,
    mlflow_port: Port = None,
    gateway_port: Port = None,
    demo: Annotated[bool, Parameter(help="a simulated platform, and traffic from it", negative="")] = False,
) -> None:
    """Start Prefect, MLflow, the gateway and the scheduled flows, and keep them running until Ctrl-C.

    What ends is started again; one log a service lies under logs in the home. Ready means that the gateway decides: a
    home without a champion is up, and not ready. The demo trains its first champion, and then a second one that meets
    live traffic.
    """
    from flows.choices import check_choices
    from infra.environment import adopt
    from infra.home import Standing, held
    from infra.platform import Supervisor, require_free
    from infra.private import make_private
    from infra.settings import Settings

    settings = Settings()
    check_choices(settings)
    ports = (
        prefect_port or settings.prefect_port,
        mlflow_port or settings.mlflow_port,
        gateway_port or settings.gateway_port,
    )
    make_private(settings.home)
    standing = Standing.at(HOST, *ports)
    with held(settings.home, standing):
        require_free(HOST, dict(zip(("prefect", "mlflow", "gateway"), ports, strict=True)))
        adopt(settings)
        _hand_down(settings, standing)
        if not settings.landing_uri:
            Path(settings.landing).mkdir(exist_ok=True)
        supervisor = Supervisor(_services(settings, standing, demo=demo), settings.home / "logs")
        _tend(supervisor, settings)


def _hand_down(settings: Settings, standing: Standing) -> None:
    """What the services are told by their environment."""
    import os

    os.environ.update(
        {
            "MODERATO_HOME": str(settings.home.absolute()),
            "MODERATO_PREFECT_API_URL": standing.api,
            "MODERATO_MLFLOW_URL": settings.mlflow_url or standing.mlflow,
            "MODERATO_GATEWAY_URL": settings.gateway_url or standing.gateway,
            "PREFECT_API_URL": standing.api,
            "PREFECT_LOGGING_LEVEL": "INFO",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONUNBUFFERED": "1",
        }
    )


def _services(settings: Settings, standing: Standing, *, demo: bool) -> list[Service]:
    from infra.platform import Service, answers, polled
    from infra.registry import is_empty
    from infra.settings import USER

    python = sys.executable
    at = standing.host_and_port
    asked = f", as {USER}:PASSWORD" if settings.credentials else ""
    prefect = Service(
        "prefect",
        (python, "-m", "infra.servers.prefect", *at("prefect")),
        answers(f"{standing.api}/health"),
        f"{standing.prefect}{asked}",
    )
    mlflow = Service(
        "mlflow",
        (python, "-m", "infra.servers.mlflow", *at("mlflow")),
        answers(f"{standing.mlflow}/health"),
        f"{standing.mlflow}{asked}",
    )
    gateway = Service(
        "gateway",
        (python, "-m", "flows.cli", "serve", *at("gateway")),
        answers(f"{standing.gateway}/healthz"),
        f"{standing.gateway}/docs",
        after="mlflow" if is_empty(settings) else "",  # two would race to make MLflow's tables
        works=answers(f"{standing.gateway}/readyz"),
        lacks="nobody decides yet: "
        + ("the demo trains a first champion" if demo else "moderato retrain trains a first champion"),
    )
    flows = Service(
        "deployments",
        (python, "-m", "flows.cli", "worker"),
        polled(standing.api, "retrain/retrain", settings.credentials),
        f"{standing.prefect}/deployments",
        after="prefect",
        outlived=True,
    )
    return [prefect, mlflow, gateway, flows, *(_demo(standing) if demo else ())]


def _demo(standing: Standing) -> list[Service]:
    from infra.platform import Service

    command = (sys.executable, "-m", "flows.demo.simulated", standing.gateway)
    return [Service("platform", command, lambda: True, "a simulated platform that posts", after="gateway")]


def _tend(supervisor: Supervisor, settings: Settings) -> None:
    import signal
    import time

    from flows.cli.screen import screen
    from infra.stopping import INTERRUPTED

    asked: list[int] = []

    def end(number: int, _: object) -> None:
        asked.append(number)
        if len(asked) > 1:
            supervisor.hurry()
            return
        raise KeyboardInterrupt

    stops = (signal.SIGTERM, signal.SIGINT)  # SIGINT too: a shell's background job would ignore it
    before = {number: signal.signal(number, end) for number in stops}
    try:
        with screen(supervisor, settings) as show:
            while True:
                supervisor.tend()
                show()
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        print("moderato: stopping", file=sys.stderr)  # noqa: T201 - the command's own output
    finally:
        supervisor.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in asked:
        sys.exit(INTERRUPTED)
