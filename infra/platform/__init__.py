"""The platform room: the services that one machine runs, who holds them up, and where they are."""

from infra.platform.ports import PortInUseError, is_free, require_free
from infra.platform.service import Service, answers, polled, request
from infra.platform.supervisor import Running, Supervisor

__all__ = [
    "PortInUseError",
    "Running",
    "Service",
    "Supervisor",
    "answers",
    "is_free",
    "polled",
    "request",
    "require_free",
]

# modules that others import from their own file: a command each
PUBLIC = ("backup", "doctor", "manifest", "restore")
