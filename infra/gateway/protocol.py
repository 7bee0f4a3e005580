"""HTTP as uvicorn reads it, with limits on what comes before a body: so many bytes of header, so many seconds."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.gateway.errors import error_response

HEADER_BYTES = 32 << 10
HEADER_SECONDS = 10.0


class Corked:
    """A transport that sends what is written in one turn of the loop at once.

    uvicorn writes head and body of an answer one after the other: two calls of the system, and a client woken twice,
    took a third of the loop's time.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))


class BoundedProtocol(HttpToolsProtocol):
    """One connection. uvicorn itself would keep a header that never ends, and wait for it for ever."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._received = self._parsed = 0  # bytes of the header that is under way
        self._deadline: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Corked(transport, self.loop))  # type: ignore[arg-type]
        self._expect_header()

    def connection_lost(self, exc: Exception | None) -> None:
        self._header_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if self._deadline is not None:  # there is more of the header to come
            self._received += len(data)
            self._check(self._received)

    def on_message_begin(self) -> None:
        self._expect_header()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._parsed += len(name) + len(value)
        self._check(self._parsed)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._header_ended()
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def _expect_header(self) -> None:
        if self._deadline is None:
            self._received = self._parsed = 0
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._late)

    def _header_ended(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _check(self, size: int) -> None:
        if size > HEADER_BYTES:
            self._refuse(431, f"the header is larger than {HEADER_BYTES} bytes", "header_too_large")

    def _late(self) -> None:
        self._refuse(408, f"the header did not come within {HEADER_SECONDS:g} s", "slow_header")

    def _refuse(self, status: int, message: str, code: str) -> None:
        self._header_ended()
        if self._refused:
            return
        self._refused = True
        body = bytes(error_response(status, message, code).body)
        head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()
