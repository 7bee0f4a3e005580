"""The gateway on a Ray cluster: as many replicas of the same app as its load asks for, behind Ray Serve's proxies.

Ray's proxy reads HTTP here, so that what uvicorn's BoundedProtocol refuses before a request is whole (headers that are
large or never end) is the proxy's to refuse; every other limit is the app's and holds. /metrics adds up the replicas
of one node.
"""

from __future__ import annotations

import logging.config
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from infra.environment import adopt
from infra.gateway.api.app import create_app
from infra.gateway.api.server import LOG, check_free
from infra.gateway.api.telemetry import SHARED
from infra.ray.cluster import connect, environment, ray_for
from infra.settings import Settings

NAME = "moderato"
OVERLOAD_SECONDS = 5.0  # seconds of too much load after which a replica is added


def serve_on_ray(settings: Settings, host: str, port: int, replicas: int | None) -> None:
    """Serve until SIGTERM or SIGINT with at most so many replicas, by default as many as the cluster has cores.

    The cluster is the one that RAY_ADDRESS names, else one of our own on this machine. Raises NoRayError, AddressError.
    """
    ray = ray_for("serve --ray")
    from ray import serve

    check_free(host, port)
    stopped = threading.Event()

    try:
        connect(ray)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        most = replicas or int(ray.cluster_resources().get("CPU", 1))
        serve.start(http_options={"host": host, "port": port})
        serve.run(_application(serve, settings, most), name=NAME, route_prefix="/")
        stopped.wait()
    finally:
        serve.shutdown()
        ray.shutdown()


def build() -> FastAPI:
    """The app of one replica, by the settings in its environment; called on the replica."""
    settings = Settings()
    adopt(settings)
    logging.config.dictConfig(LOG)
    Path(os.environ[SHARED]).mkdir(parents=True, exist_ok=True)
    return create_app(settings)


def _application(serve: Any, settings: Settings, most: int) -> Any:
    """The deployment: Ray adds a replica where each has more requests under way than it should, and takes it away."""
    replica = serve.deployment(
        name="gateway",
        max_ongoing_requests=settings.gateway_queue,
        max_queued_requests=settings.gateway_queue,
        graceful_shutdown_timeout_s=settings.gateway_drain_seconds,
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": most,
            "target_ongoing_requests": settings.gateway_replica_load,
            "upscale_delay_s": OVERLOAD_SECONDS,
        },
        ray_actor_options={"num_cpus": 1, "runtime_env": {"env_vars": _environment(settings)}},
        logging_config={"enable_access_log": False},
    )(serve.ingress(build)())
    return replica.bind()


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as variables, without secrets, and where the replicas of a node add up their metrics."""
    shared = Path(tempfile.gettempdir()) / f"moderato-metrics-{os.getpid()}"
    return {SHARED: str(shared), **environment(settings)}
