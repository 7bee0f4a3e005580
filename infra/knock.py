"""Whether anybody answers at an address, asked before a client is: many try for minutes to reach what is not there."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

SECONDS = 5.0  # that an answer may take
MAX_ERROR_CHARACTERS = 300  # of what a client says, which may be a page


def knock(address: str, port: int | None = None) -> None:
    """Raises OSError where nobody answers; `port` is that of an address which names none.

    Without a host or a port there is nobody to ask, and behind a proxy nobody that could be asked from here.
    """
    place = urlsplit(address if "://" in address else f"//{address}")
    host, at = place.hostname, place.port or port
    if host and at and (place.scheme not in getproxies() or proxy_bypass(host)):
        socket.create_connection((host, at), SECONDS).close()


def not_reached(store: str, why: str, setting: str) -> str:
    """The one line that people are told."""
    return (
        f"{store} cannot be reached: {why[:MAX_ERROR_CHARACTERS]}; start it, or check {setting}: "
        "moderato doctor looks at all of them"
    )
