"""The platform room: the services that one machine runs, who holds them up, and where they are."""

from infra.platform.service import Service, answers, polled
from infra.platform.standing import AlreadyUpError, Standing, held, standing_on
from infra.platform.supervisor import Running, Supervisor

__all__ = [
    "AlreadyUpError",
    "Running",
    "Service",
    "Standing",
    "Supervisor",
    "answers",
    "held",
    "polled",
    "standing_on",
]
