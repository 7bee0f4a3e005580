"""Runs that ask a person, as Prefect's server has them; asked without Prefect, whose import takes longer than this."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.settings import Settings

PAUSED = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
ANSWER_SECONDS = 2.0  # seconds


def waiting(settings: Settings) -> list[str]:
    """A line for each: which run asks what, since when, and where it is answered; none where no server answers."""
    import os

    api = os.environ.get("PREFECT_API_URL", "")
    page = api.removesuffix("/api")
    return (
        [_told(run, page) for run in _asked(f"{api}/flow_runs/filter", settings.credentials)] if api else []
    )


def _asked(url: str, credentials: str) -> list[dict[str, Any]]:
    from contextlib import suppress
    from urllib.request import urlopen

    from infra.platform import request

    asking = request(url, credentials)
    asking.method, asking.data = "POST", json.dumps(PAUSED).encode()
    asking.add_header("Content-Type", "application/json")
    with suppress(OSError, ValueError), urlopen(asking, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - our own address
        return list(json.loads(answer.read()))
    return []


def _told(run: dict[str, Any], page: str) -> str:
    state = run["state"]
    what = (state.get("state_details") or {}).get("pause_key") or "an answer"
    asks = "its canary" if what.startswith("canary-") else "an approval"
    since, where = state["timestamp"][:16].replace("T", " "), f"{page}/runs/flow-run/{run['id']}"
    return f"{run['name']} waits for a person since {since} UTC, about {asks}: {where}"
