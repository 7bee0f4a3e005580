"""The gateway room: one ASGI app that serves decisions, and the keys to it."""

from infra.gateway.app import create_app
from infra.gateway.cluster import serve_on_ray
from infra.gateway.keys import ApiKey, KeyStore, Scope, UnknownKeyError
from infra.gateway.server import serve

__all__ = ["ApiKey", "KeyStore", "Scope", "UnknownKeyError", "create_app", "serve", "serve_on_ray"]
