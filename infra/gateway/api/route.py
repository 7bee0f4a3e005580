"""How a request reaches its endpoint: first the key, then the body within its limits, then the endpoint."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, get_type_hints

from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from infra.gateway.api.answers import MAX_KEY_CHARACTERS, Retried
from infra.gateway.auth.keys import Scope
from infra.gateway.errors import ApiError

BODY = "asked"  # an endpoint's parameter that its body goes to
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS},
    "description": "Names this request, best by a UUID. Sent again with the same key and body it is not decided again, "
    "and answered as before, for a day; with another body it is refused with 422.",
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def needs(
    scope: Scope | None, *, once: bool = False, examples: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The scope that a key must have, as OpenAPI documents it and as GuardedRoute enforces it; `once`: whether a
    request may be sent again without being decided again; `examples`: bodies by a line on each, that can be sent as
    they stand.
    """
    described: dict[str, Any] = {"security": [{"key": [scope] if scope else []}]}
    if examples:
        shown = {name: {"summary": name, "value": body} for name, body in examples.items()}
        described["requestBody"] = {"content": {"application/json": {"examples": shown}}}
    return described | {"parameters": [IDEMPOTENCY_KEY]} if once else described


def decision_ids(request: Request, count: int) -> list[str | None]:
    """The ids of a request's decisions, where they follow from it: it may be sent again."""
    retried: Retried | None = request.scope.get("retried")
    return [retried.id_of(str(place)) if retried else None for place in range(count)]


class GuardedRoute(APIRoute):
    """FastAPI documents the endpoint by its signature, and this calls it: with the request, and its body as `asked`.

    FastAPI itself would read the body before it asked for the key, without limits, and parse it twice. That would also
    take 4 % more of the process's CPU time for a request (one post of 30 tokens; medians of 34 turns with and without).
    """

    guarded: Handler

    def get_route_handler(self) -> Handler:
        endpoint, hints = self.endpoint, get_type_hints(self.endpoint, include_extras=True)
        scopes = (self.openapi_extra or needs(None))["security"][0]["key"]
        scope = Scope(scopes[0]) if scopes else None
        expected = TypeAdapter(hints[BODY]) if BODY in hints else None

        async def handle(request: Request) -> Response:
            gateway = request.app.state.gateway
            await gateway.doorkeeper.admit(request, scope)
            if expected is None:
                found: Response = await endpoint(request, **request.path_params)
            else:
                asked, body = await gateway.bodies.read(request, expected)
                found = await gateway.answers.once(request, body, lambda: endpoint(request, asked))
            return found

        self.guarded = handle
        return handle


class Shortcut:
    """ASGI middleware: guarded routes of a fixed path are called directly.

    The way through FastAPI's router and exit stacks, which these routes do not use, takes 5 to 6 % more of the
    process's CPU time for a request (one post of 30 tokens, the model's work included; medians of 20 and of 14 turns
    with and without, FastAPI 0.150).
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self.app = app
        self._known = {
            (method, route.path): route
            for route in routes
            if isinstance(route, GuardedRoute) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        route = self._known.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = route
        try:
            response = await route.guarded(Request(scope, receive, send))
        except ApiError as error:
            response = error.response()
        await response(scope, receive, send)
