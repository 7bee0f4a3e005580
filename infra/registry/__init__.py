"""The registry room: MLflow runs, versions, aliases, and the bundles behind them."""

from infra.registry.copies import BUNDLES, ForeignVersionError, LostBundleError, copy_of
from infra.registry.deciders import DECIDERS, Decider, deciders, keep, kept, kept_copy
from infra.registry.history import PastRun, last_runs
from infra.registry.publish import publish, register_again
from infra.registry.registry import Registry, UnknownVersionError
from infra.registry.status import STATUS, Status, mark_run, mark_version
from infra.registry.store import is_empty, make_embedded
from infra.registry.version import RegisteredVersion

__all__ = [
    "BUNDLES",
    "DECIDERS",
    "STATUS",
    "Decider",
    "ForeignVersionError",
    "LostBundleError",
    "PastRun",
    "RegisteredVersion",
    "Registry",
    "Status",
    "UnknownVersionError",
    "copy_of",
    "deciders",
    "is_empty",
    "keep",
    "kept",
    "kept_copy",
    "last_runs",
    "make_embedded",
    "mark_run",
    "mark_version",
    "publish",
    "register_again",
]

# modules that others import from their own file: they bring MLflow or a bundle
PUBLIC = ("backbones", "loaded", "publish", "runs")
