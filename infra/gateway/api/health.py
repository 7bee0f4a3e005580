"""What monitoring asks, without a key: /healthz, /readyz and /metrics; and GET /v1/models with one."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from infra.gateway.api.gateway import Gateway
from infra.gateway.api.route import GuardedRoute, needs

health = APIRouter(tags=["Health"])
models = APIRouter(route_class=GuardedRoute, tags=["OpenAI"])


@health.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@health.get("/readyz", responses={503: {"description": "nobody decides yet"}})
async def readyz(request: Request) -> Response:
    """Somebody decides; otherwise why not. A `warning` says why it is not whom the registry names."""
    standing = request.app.state.gateway.deck.standing
    if standing.champion is None:
        return _json({"status": "not ready", "reason": standing.reason}, 503)
    challenger = standing.challenger.version if standing.challenger else None
    reply = {"status": "ready", "champion": standing.champion.version, "challenger": challenger}
    return _json(reply | ({"warning": standing.warning} if standing.warning else {}))


@health.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus metrics."""
    found = request.app.state.gateway.metrics.exposition()
    return Response(found, headers={"Content-Type": CONTENT_TYPE_LATEST})


@models.get("/v1/models", openapi_extra=needs(None))
async def list_models(request: Request) -> Response:
    """The models that decide now, in OpenAI's shape."""
    gateway: Gateway = request.app.state.gateway
    standing, name = gateway.deck.standing, gateway.settings.registered_model
    served = [one for one in (standing.champion, standing.challenger) if one is not None]
    listed = [
        {"id": f"{name}-{one.version}", "object": "model", "created": 0, "owned_by": name} for one in served
    ]
    return _json({"object": "list", "data": listed})


def _json(reply: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(reply), status, media_type="application/json")
