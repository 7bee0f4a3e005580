"""What the API says of itself: /openapi.json for holders of a key, and /docs, a page that asks for one and shows it."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from infra.client import MAKE_A_KEY
from infra.gateway.api.docs_page import DOCUMENT, docs_page
from infra.gateway.api.route import GuardedRoute, needs
from infra.gateway.errors import ApiError

ASSETS = {  # of the page, served from here: a closed network reaches no other host
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}

KEY = f"What `{MAKE_A_KEY}` printed, without the word Bearer before it."
INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)  # Swagger writes styles into its elements

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)
pages = APIRouter(include_in_schema=False)  # Swagger's own files, for whoever comes


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(BaseModel):
    """Every answer that is none."""

    error: ErrorDetail


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "something to mend in the request"},
    "503": {"model": ErrorBody, "description": "try again later; Retry-After says when"},
}


@pages.get("/docs")
async def docs() -> Response:
    """Asks for a key itself, and says what to type: a browser's own box would not."""
    page = docs_page()
    policy = {"Content-Security-Policy": _policy(page.encode())}
    return Response(page, media_type="text/html", headers={**HEADERS, **policy})


def _policy(page: bytes) -> str:
    """Scripts of the page run as they are, by their digests, and no others."""
    digests = (hashlib.sha256(script).digest() for script in INLINE.findall(page))
    return POLICY.format(scripts=" ".join(f"'sha256-{base64.b64encode(it).decode()}'" for it in digests))


@pages.get("/docs/{name}")
async def asset(name: str) -> Response:
    """Raises ApiError 404 for any other name."""
    if name not in ASSETS:
        raise ApiError(404, f"no asset {name!r}; there are {', '.join(ASSETS)}", code="not_found")
    content = files("fastapi_offline").joinpath("static", name).read_bytes()
    return Response(content, media_type=ASSETS[name], headers=HEADERS)


@router.get(DOCUMENT, openapi_extra=needs(None))
async def document(request: Request) -> Response:
    return Response(orjson.dumps(request.app.openapi()), media_type="application/json", headers=HEADERS)


def describe(app: FastAPI) -> None:
    """Add to FastAPI's document how a key is sent."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            schemes = found.setdefault("components", {}).setdefault("securitySchemes", {})
            schemes["key"] = {"type": "http", "scheme": "bearer", "description": KEY}
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
