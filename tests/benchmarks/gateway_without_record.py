"""The gateway as it would be without durable decisions, to see what they cost."""

from __future__ import annotations

import sys

from infra.environment import adopt
from infra.gateway.api.server import serve
from infra.gateway.journal.journal import Journal
from infra.settings import Settings


async def forgotten(self: Journal, lines: bytes) -> None: ...


if __name__ == "__main__":
    Journal.commit = forgotten  # type: ignore[method-assign]
    settings = Settings()
    adopt(settings)
    serve(settings, "127.0.0.1", int(sys.argv[1]), 1)
