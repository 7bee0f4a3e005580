"""The gateway room: one ASGI app that serves decisions, and the keys to it."""

from infra.gateway.app import create_app
from infra.gateway.aside import JOURNAL, Aside, count_aside, discard_aside, lines_aside, retry_aside
from infra.gateway.cluster import serve_on_ray
from infra.gateway.keys import ApiKey, KeyStore, Scope, UnknownKeyError
from infra.gateway.server import serve

__all__ = [
    "JOURNAL",
    "ApiKey",
    "Aside",
    "KeyStore",
    "Scope",
    "UnknownKeyError",
    "count_aside",
    "create_app",
    "discard_aside",
    "lines_aside",
    "retry_aside",
    "serve",
    "serve_on_ray",
]
