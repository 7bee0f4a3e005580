"""What no web page, and nobody without the password, may ask of a server that has no such checks of its own.

CORS alone does not do: it keeps a foreign page from reading an answer, not from sending a simple request, and it says
nothing of WebSockets or of a page whose name was pointed to this machine (DNS rebinding).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.settings import Settings

HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
SAFE = ("GET", "HEAD")
FOREIGN = ("cross-site", "same-site")  # another port of this machine is the same site
POLICY_VIOLATION = 1008  # of a WebSocket
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def names(settings: Settings) -> frozenset[str]:
    """Host names that a request may be for: a page that points a name of its own to this machine comes by that name."""
    addresses = (settings.prefect_api_url, settings.mlflow_url, settings.tracking_uri)
    found = [urlsplit(it).netloc for it in addresses if it.startswith(("http://", "https://"))]
    return frozenset(map(hostname, (*LOOPBACK, *found, *_told(settings))))


def authorities(settings: Settings, port: int) -> frozenset[str]:
    """Host and port of the server's own pages, whichever name they were opened by."""
    return frozenset((*(f"{host}:{port}" for host in LOOPBACK), *_told(settings)))


def hostname(authority: str) -> str:
    """`pages.example` of `Pages.Example:8443`; `::1` of `[::1]:80`; empty where there is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _told(settings: Settings) -> list[str]:
    return [it.strip().lower() for it in settings.allowed_hosts.split(",") if it.strip()]


class Guard:
    """ASGI middleware: refuses requests for other names than `names`, from pages that are neither the server's own nor
    among `authorities`, and, where there are `credentials` (user:password), without them but for `open_paths`.

    Clients that are no browsers send no Origin and are asked for the password alone.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        names: Collection[str],
        authorities: Collection[str],
        credentials: str = "",
        open_paths: Collection[str] = (),
    ) -> None:
        self.app, self.names, self.authorities = app, names, authorities
        self.credentials, self.open_paths = credentials.encode(), open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refused = self._refused(scope, Headers(scope=scope))
        if refused is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "refused"})
        else:
            await refused(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "").lower()
        if hostname(host) not in self.names:
            return _said(403, "This server is not known by that name; MODERATO_ALLOWED_HOSTS adds one.")
        if not self._is_own_page(scope, headers, host):
            return _said(403, "Requests from other pages are refused.")
        if not self._knows_password(scope, headers):
            return _said(401, "A password is asked for.", {"WWW-Authenticate": 'Basic realm="moderato"'})
        return None

    def _is_own_page(self, scope: Scope, headers: Headers, host: str) -> bool:
        origin = headers.get("origin")
        if origin is not None:  # "null" of a sandboxed page is nobody's own
            page = origin.lower().partition("://")[2]
            return page == host or page in self.authorities
        if headers.get("sec-fetch-site") not in FOREIGN:
            return True
        # a link to a page is followed; what a page embeds, loads or sends is not
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return scope["type"] == "http" and scope["method"] in SAFE and followed

    def _knows_password(self, scope: Scope, headers: Headers) -> bool:
        if not self.credentials or (scope["path"] in self.open_paths and scope.get("method") in SAFE):
            return True
        kind, _, value = headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value, validate=True)
        except ValueError:
            return False
        return kind.lower() == "basic" and hmac.compare_digest(given, self.credentials)


def _said(status: int, text: str, headers: dict[str, str] | None = None) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", status, {**HEADERS, **(headers or {})})


def _with_headers(send: Send) -> Send:
    """Its answers with headers that keep them out of other pages; another policy of the server's own stays beside."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.append(name, value)
        await send(message)

    return sent
