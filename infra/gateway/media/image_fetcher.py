"""Images by address: https only, from allowed hosts only, and never from an address inside the network.

A host's addresses are looked up once and the checked one is connected to, so that a second answer of the name server
cannot lead elsewhere.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import SplitResult, urljoin, urlsplit

from infra.gateway.errors import ApiError

HTTPS = 443
DOWNLOAD_SECONDS = 5.0  # for all of a download
REDIRECTS = 3
MOVED = (301, 302, 303, 307, 308)
CHUNK = 1 << 16  # bytes


def is_public(address: str) -> bool:
    """Whether an address is out on the internet: not private, loopback, link-local or otherwise reserved."""
    return ipaddress.ip_address(address).is_global


class Fetcher:
    """Downloads from `hosts`, each `name` or `name:port`; none allows nothing. Blocks: call it in a thread."""

    def __init__(
        self,
        hosts: frozenset[str],
        *,
        may_connect: Callable[[str], bool] = is_public,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.hosts, self._may_connect, self._context = hosts, may_connect, context

    def fetch(self, url: str, most: int, param: str) -> bytes:
        """The bytes at an address, at most `most`; raises ApiError 400."""
        deadline = time.monotonic() + DOWNLOAD_SECONDS
        try:
            for _ in range(1 + REDIRECTS):
                found, url = self._get(self._allowed(url), most, deadline)
                if found is not None:
                    return found
        except (OSError, http.client.HTTPException, ValueError) as error:
            message = f"the image cannot be fetched: {error}"
            raise ApiError(400, message, code="image_url_refused", param=param) from None
        raise ApiError(
            400, f"more than {REDIRECTS} redirects lead to the image", code="image_url_refused", param=param
        )

    def _allowed(self, url: str) -> SplitResult:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.username is not None:
            raise ValueError("only data: URLs and https:// addresses without a user")
        place = parts.hostname if parts.port in (None, HTTPS) else f"{parts.hostname}:{parts.port}"
        if place not in self.hosts:
            raise ValueError(f"{place} is not among the hosts of MODERATO_GATEWAY_IMAGE_HOSTS")
        return parts

    def _get(self, parts: SplitResult, most: int, deadline: float) -> tuple[bytes | None, str]:
        """The bytes, or the address that a redirect names."""
        with closing(self._connection(parts, deadline)) as connection, _ended_at(deadline, connection.sock):
            path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
            connection.request("GET", path, headers={"Accept": "image/*"})
            with connection.getresponse() as response:
                if response.status in MOVED:
                    return None, urljoin(parts.geturl(), response.headers.get("Location", ""))
                if response.status != http.client.OK:
                    raise ValueError(f"the host answers {response.status}")
                return _read(response, most, deadline), ""

    def _connection(self, parts: SplitResult, deadline: float) -> http.client.HTTPSConnection:
        host, port = parts.hostname or "", parts.port or HTTPS
        address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
        if not self._may_connect(address):
            raise ValueError(f"{host} leads to {address}, which is not a public address")
        context = self._context or ssl.create_default_context()
        left = max(0.1, deadline - time.monotonic())
        plain = socket.create_connection((address, port), timeout=left)
        connection = http.client.HTTPSConnection(host, port, context=context, timeout=left)
        connection.sock = context.wrap_socket(plain, server_hostname=host)
        return connection


@contextmanager
def _ended_at(deadline: float, plain: socket.socket) -> Iterator[None]:
    """Close what is still open then: a host that sends a byte now and then would never be late by its socket alone."""

    def end() -> None:
        with suppress(OSError):  # it is closed by now
            socket.socket.shutdown(plain, socket.SHUT_RDWR)  # beneath TLS, which another thread is reading by

    clock = threading.Timer(max(0.0, deadline - time.monotonic()), end)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


def _read(response: http.client.HTTPResponse, most: int, deadline: float) -> bytes:
    data = bytearray()
    while chunk := response.read1(CHUNK):
        data += chunk
        if len(data) > most:
            raise ValueError(f"it is larger than {most} bytes")
        _check(deadline)
    _check(deadline)
    return bytes(data)


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise ValueError(f"it did not come within {DOWNLOAD_SECONDS:g} s")
