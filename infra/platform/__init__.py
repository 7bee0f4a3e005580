"""The platform room: the services that one machine runs, who holds them up, and where they are."""

from infra.platform.ports import PortInUseError, is_free, require_free
from infra.platform.service import Service, answers, polled
from infra.platform.standing import AlreadyUpError, Standing, held, standing_on
from infra.platform.supervisor import Running, Supervisor
from infra.platform.ties import TIED, end_with_parent

__all__ = [
    "TIED",
    "AlreadyUpError",
    "PortInUseError",
    "Running",
    "Service",
    "Standing",
    "Supervisor",
    "answers",
    "end_with_parent",
    "held",
    "is_free",
    "polled",
    "require_free",
    "standing_on",
]
