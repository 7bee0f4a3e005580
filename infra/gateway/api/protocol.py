"""HTTP as uvicorn reads it, with limits on all that comes and goes beside an answer.

Bytes and seconds are limited of a header, of a body that nobody reads, and of an answer that its client does not take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.gateway.errors import error_response

HEADER_BYTES = 32 << 10
HEADER_SECONDS = 10.0
LINGER_SECONDS = 2.0  # in which a client that is still sending may read why it was refused
LINGER_BYTES = 64 << 20  # thrown away meanwhile, at most
TAKE_SECONDS = 30.0  # in which a client must take what waits for it
CONNECTION = "moderato.connection"  # in an ASGI scope: the connection that a request came by


class Lingering:
    """A transport that, closed while a client is still sending, says so and lingers: what is closed with bytes unread
    is reset, and the client never sees why.

    uvloop itself sends at once what is written in one turn of its loop, as head and body of an answer are.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, more_comes: Callable[[], bool]
    ) -> None:
        self._transport, self._loop, self._more_comes = transport, loop, more_comes
        self._left = LINGER_BYTES
        self.lingers = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self.lingers:
            self._transport.write(data)

    def is_closing(self) -> bool:
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing() or not self._more_comes():
            self._transport.close()
            return
        self.lingers = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(LINGER_SECONDS, self._transport.abort)

    def discard(self, size: int) -> None:
        """So many bytes came while it lingered."""
        self._left -= size
        if self._left < 0:
            self._transport.abort()


class BoundedProtocol(HttpToolsProtocol):
    """One connection. uvicorn itself would keep a header that never ends, and wait for it for ever."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._received = self._parsed = 0  # bytes of the header that is under way
        self._deadline: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._refused = False
        self._in_message = True  # bytes of a request are still to come; before the first one too

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._lingering = Lingering(transport, self.loop, lambda: self._in_message)
        super().connection_made(self._lingering)  # type: ignore[arg-type]
        self._expect_header()

    def connection_lost(self, exc: Exception | None) -> None:
        self._header_ended()
        self.resume_writing()
        super().connection_lost(exc)

    @property
    def is_half_read(self) -> bool:
        """Whether the body of the request that is being answered is still to come."""
        return self.cycle is not None and self.cycle.more_body and not self.pipeline

    def data_received(self, data: bytes) -> None:
        if self._lingering.lingers:
            self._lingering.discard(len(data))
        if self._refused or self._lingering.lingers:
            return
        super().data_received(data)
        if self._deadline is not None:  # there is more of the header to come
            self._received += len(data)
            self._check(self._received)
        elif (
            self._is_idle and not self._lingering.is_closing()
        ):  # empty lines before a header end no wait for it
            self._expect_header()

    @property
    def _is_idle(self) -> bool:
        return not self._in_message and (self.cycle is None or self.cycle.response_complete)

    def on_message_begin(self) -> None:
        self._in_message = True
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
            self.scope[CONNECTION] = self  # type: ignore[literal-required]

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_message = False
        if not self._refused:
            super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._taking is None:
            self._taking = self.loop.call_later(TAKE_SECONDS, self._lingering.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, f"this is no HTTP/1.1: {msg}", "invalid_http")

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
