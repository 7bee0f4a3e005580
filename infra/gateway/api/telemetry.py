"""What a gateway tells of itself: Prometheus metrics of one app, and one JSON line a log record, never any content."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from datetime import UTC, datetime

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.gateway import identity
from infra.gateway.api.protocol import CONNECTION, BoundedProtocol
from infra.secrets import masked

log = logging.getLogger(__name__)

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own variable, read when it is imported
LATENCY_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
POSTS = (1, 2, 4, 8, 16, 32, 64, 128)
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName", "color_message"}
OBEYED = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)  # by terminals; JSON lets them pass
GONE = 499  # nginx's status for a client that did not wait
UNMATCHED = "unmatched"  # one label for every path that is no route, so that nobody can make up labels


class Metrics:
    """Metrics with a registry of their own, so that several apps fit into one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "moderato_requests_total", "requests answered", ["route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "moderato_request_seconds",
            "time to answer",
            ["route"],
            buckets=LATENCY_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self.batch = Histogram(
            "moderato_batch_posts", "posts scored together", buckets=POSTS, registry=self.registry
        )
        self.actions = Counter(
            "moderato_decisions_total",
            "decisions by model version, role and action",
            ["version", "role", "action"],
            registry=self.registry,
        )
        self.depth = Gauge(
            "moderato_queue_posts",
            "posts that wait to be scored",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.dropped = Counter(
            "moderato_shadows_dropped_total", "copies dropped under load", registry=self.registry
        )
        self.shipped = Counter(
            "moderato_shipped_total", "decisions that reached the lake", registry=self.registry
        )
        self.damaged = Counter(
            "moderato_journal_damaged_total",
            "lines of the journal that a disk damaged, put aside for `moderato journal`",
            registry=self.registry,
        )
        self.refused = Counter(
            "moderato_bundles_refused_total",
            "versions that failed to verify or load",
            ["version"],
            registry=self.registry,
        )

        self.stands_in = Gauge(
            "moderato_champion_stands_in",
            "1 while a model decides that the registry does not name: its champion has vanished or was refused",
            registry=self.registry,
            multiprocess_mode="livemax",
        )

    def exposition(self) -> bytes:
        """In Prometheus' text format; of all processes together where they share a place."""
        if SHARED not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


class Observed:
    """ASGI middleware: a request id in and out, its time, its status, and one log line where it failed."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        request_id = scope["request_id"] = identity.request_id()
        connection: BoundedProtocol | None = scope.get(CONNECTION)

        async def identified(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                if connection is not None and connection.is_half_read:  # nobody will read the rest
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self.app(scope, receive, identified)
        except asyncio.CancelledError:  # Ray's proxy ends a request whose client is gone
            status = GONE
            raise
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self.metrics.requests.labels(route, str(status)).inc()
        self.metrics.latency.labels(route).observe(seconds)
        level = logging.WARNING if status >= 500 else logging.INFO  # noqa: PLR2004
        if log.isEnabledFor(level):
            fields = {
                "request_id": scope["request_id"],
                "method": scope["method"],
                "route": route,
                "status": status,
                "seconds": round(seconds, 6),
                "key": scope.get("key_id"),
            }
            log.log(level, "request", extra=fields)


class JsonLines(logging.Formatter):
    """One JSON object a record: time, level, logger, message and what was passed as `extra`.

    python-json-logger's formatter writes the same lines, but needs as many of ours for names, times and masks, and took
    a third longer for each.
    """

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in STANDARD},
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        line = orjson.dumps(told, default=str).decode()
        if record.levelno != logging.INFO:  # errors name addresses, a request's line does not
            line = masked(line)
        return OBEYED.sub(lambda found: f"\\u{ord(found.group()):04x}", line)
