"""The Ray cluster: the one that RAY_ADDRESS names, else one of our own on this machine, which ends with us."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from infra.knock import knock
from infra.settings import PREFIX, Settings
from models.domain.errors import UserError

SECRETS = {"s3_access_key"}  # beside those of a secret's type: a cluster shows the environment of its actors
ATTEMPTS = (
    3  # a head starts a process for each client: on a busy machine it may not come up, and the next one does
)
OURS = "local"  # a Ray of our own
WANTED = "; one that asks for a token wants RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"  # Ray itself says nothing of that


class NoRayError(UserError):
    """Ray is not installed, or its cluster cannot be reached."""


def ray_for(command: str) -> Any:
    """The library; raises NoRayError that says which command needs it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise NoRayError(
            f"{command} needs Ray, which is not installed: pip install 'moderato[ray]'"
        ) from None
    return ray


def connect(ray: Any, **own: Any) -> None:
    """Join the cluster; `own` are options of one of our own. Raises NoRayError."""
    address = os.environ.get("RAY_ADDRESS", OURS)
    options = own if address == OURS else {}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            knock(address)  # Ray tries for ten minutes
            ray.init(address=address, include_dashboard=False, logging_level=logging.WARNING, **options)
        except (OSError, RuntimeError, ValueError) as error:
            if attempt == ATTEMPTS or not isinstance(error, ConnectionAbortedError):
                told = str(error).strip().rpartition("\n")[2]  # a head sends its whole traceback
                raise NoRayError(f"no Ray cluster at RAY_ADDRESS={address}: {told}{WANTED}") from None
        else:
            return


@contextmanager
def connected(ray: Any, **own: Any) -> Iterator[None]:
    """In the cluster, and out of it."""
    try:
        connect(ray, **own)
        yield
    finally:
        ray.shutdown()


def environment(settings: Settings) -> dict[str, str]:
    """The settings as variables, without secrets: nodes bring their own."""
    # the project is a folder of this machine, and all that it says is in the settings
    values = settings.model_dump(exclude={*SECRETS, "project"}) | {"home": settings.home.absolute()}
    told = {name: value for name, value in values.items() if value is not None}
    return {
        PREFIX + name.upper(): str(value) for name, value in told.items() if not isinstance(value, SecretStr)
    }
