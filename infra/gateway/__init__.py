"""The gateway room: one ASGI app that serves decisions, and the keys to it.

What serves (`app`, `server`, `cluster`) is imported from its own file: who looks at keys and journals needs no server.
"""

from infra.gateway.aside import JOURNAL, Aside, count_aside, discard_aside, lines_aside, retry_aside
from infra.gateway.keys import ApiKey, KeyStore, Scope, UnknownKeyError

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
