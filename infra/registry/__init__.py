"""The registry room: MLflow runs, versions, aliases, and the bundles behind them."""

from infra.registry.history import PastRun, last_runs
from infra.registry.publish import publish
from infra.registry.registry import RegisteredVersion, Registry, UnknownVersionError
from infra.registry.status import STATUS, Status, mark_run, mark_version
from infra.registry.store import is_empty, make_embedded

__all__ = [
    "STATUS",
    "PastRun",
    "RegisteredVersion",
    "Registry",
    "Status",
    "UnknownVersionError",
    "is_empty",
    "last_runs",
    "make_embedded",
    "mark_run",
    "mark_version",
    "publish",
]
