"""Whether a port is free."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from models.domain.errors import UserError


class PortInUseError(UserError):
    """Another process listens where a service should, or another service shall."""


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def require_free(host: str, ports: Mapping[str, int]) -> None:
    """Raises PortInUseError, which names the service and how to move it."""
    taken: dict[int, str] = {}
    for name, port in ports.items():
        if port in taken:
            raise PortInUseError(
                f"{taken[port]} and {name} cannot both have port {port}; choose another one with --{name}-port or "
                f"MODERATO_{name.upper()}_PORT"
            )
        taken[port] = name
        if not is_free(host, port):
            raise PortInUseError(
                f"port {port} of {host}, for {name}, is in use; stop what listens there, or choose another one "
                f"with --{name}-port or MODERATO_{name.upper()}_PORT"
            )
