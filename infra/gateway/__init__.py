"""The gateway room: one ASGI app that serves decisions, and the keys to it."""

from infra.gateway.auth.keys import ApiKey, KeyStore, Scope, UnknownKeyError
from infra.gateway.journal.aside import JOURNAL, Aside, count_aside, discard_aside, lines_aside, retry_aside

__all__ = [
    "JOURNAL",
    "ApiKey",
    "Aside",
    "KeyStore",
    "Scope",
    "UnknownKeyError",
    "count_aside",
    "discard_aside",
    "lines_aside",
    "retry_aside",
]

# modules that others import from their own file: who looks at keys and journals needs no server
PUBLIC = ("api.app", "api.server", "api.telemetry", "auth.codes")
