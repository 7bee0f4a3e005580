"""A service: one process that the platform consists of, and how to tell that it works."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

HEALTH_CHECK_SECONDS = 2.0  # seconds that a health check waits


@dataclass(frozen=True)
class Service:
    """`ready` says whether it answers; `address` is what people open; it is started once the service `after` answers.

    `works` says whether one that answers can do its work, and `lacks`, what people do where it cannot: it idles then.
    What it started is stopped where it ends by itself, unless that is `outlived` by it: a retraining goes on.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    address: str
    after: str = ""
    outlived: bool = False
    works: Callable[[], bool] = lambda: True
    lacks: str = ""


def answers(url: str) -> Callable[[], bool]:
    """Whether GET `url` is answered with 200."""

    def ready() -> bool:
        return _get(url) is not None

    return ready


def polled(api: str, deployment: str, credentials: str = "") -> Callable[[], bool]:
    """Whether some process fetches the runs of `deployment` (flow/name) from the Prefect server at `api`.

    credentials: user:password of the server, empty where it asks for none.
    """

    def ready() -> bool:
        found = _get(f"{api}/deployments/name/{deployment}", credentials)
        return found is not None and json.loads(found).get("status") == "READY"

    return ready


def request(url: str, credentials: str = "") -> urllib.request.Request:
    """GET `url` as the user of these credentials, user:password."""
    coded = base64.b64encode(credentials.encode()).decode()
    return urllib.request.Request(url, headers={"Authorization": f"Basic {coded}"} if credentials else {})  # noqa: S310 - our own address


def _get(url: str, credentials: str = "") -> bytes | None:
    try:
        with urllib.request.urlopen(request(url, credentials), timeout=HEALTH_CHECK_SECONDS) as answer:  # noqa: S310 - our own address
            return bytes(answer.read()) if answer.status == HTTPStatus.OK else None
    except (OSError, urllib.error.HTTPError):
        return None
