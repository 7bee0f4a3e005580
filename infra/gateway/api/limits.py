"""Reading a body within limits of size, time, kind, and of how much there is in it to look at."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from infra.gateway.errors import ApiError, invalid
from infra.gateway.fairness import Budget, Turns

BODY_SECONDS = 20.0  # seconds in which a body must have come
RATE = 64 << 10  # bytes a second that one which is larger must come with
INLINE_BODY_BYTES = 16 << 10  # bytes of a body that is looked at where it is read
MOST_VALUES = 10_000  # in a body; 256 posts with every field have a third
HELD = 8  # bodies of the largest size that one key may have under way, and four times as many all keys
CHARSETS = {"utf-8", "utf8", "us-ascii", "ascii"}
BOM = b"\xef\xbb\xbf"
ESCAPES = (b"\\\\", b'\\"')  # of JSON, in this order: what remains of quotes are those around strings
GZIP = 16 + zlib.MAX_WBITS


class Bodies:
    """Reads the bodies of one gateway; `most` in bytes, packed and unpacked."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.budget = Budget(HELD * most, 4 * HELD * most, "bytes of bodies")
        self._turns = Turns("body", 2, 1, BODY_SECONDS)

    def close(self) -> None:
        self._turns.close()

    async def read(self, request: Request, expected: TypeAdapter[Any]) -> tuple[Any, bytes]:
        """The body as what was expected, and its bytes. Raises ApiError 400, 408, 413, 415, 422, 429 or 503."""
        packed = check_kind(request.headers)
        key, size = request.scope["key_id"], _declared(request.headers, self.most)
        if 0 <= size <= INLINE_BODY_BYTES and not packed:
            body = await _received(request, self.most)
            return _parsed(body, expected), body
        with self.budget.admitted(key, max(size, 0)) as grown:
            body = await _received(request, self.most, grown if size < 0 else None)
            return await self._turns.run(
                key, lambda: _opened(body, expected, self.most, packed=packed), cost=len(body)
            )


def check_kind(headers: Headers) -> bool:
    """Whether the body is packed; raises ApiError 415 for what cannot be read, before it is."""
    return _check_kind(headers.get("content-type", ""), headers.get("content-encoding", ""))


@lru_cache(maxsize=64)  # a client sends the same with each request
def _check_kind(content_type: str, content_encoding: str) -> bool:
    kind, *parameters = [part.strip().lower() for part in content_type.split(";")]
    if (
        kind
        and kind != "application/json"
        and not (kind.startswith("application/") and kind.endswith("+json"))
    ):
        raise ApiError(
            415,
            f"a body of {kind[:60]!r}; send Content-Type: application/json",
            code="unsupported_media_type",
        )
    charset = next(
        (part.partition("=")[2].strip("\"' ") for part in parameters if part.startswith("charset")), ""
    )
    if charset and charset not in CHARSETS:
        raise ApiError(415, f"JSON in {charset[:40]!r}; send UTF-8", code="unsupported_media_type")
    coding = content_encoding.strip().lower()
    if coding in {"", "identity"}:
        return False
    if coding in {"gzip", "x-gzip"}:
        return True
    message = f"a body packed as {coding[:40]!r}; there are gzip and identity"
    raise ApiError(415, message, code="unsupported_encoding")


def _declared(headers: Headers, most: int) -> int:
    """Bytes that are to come, -1 where that is not said; raises ApiError 413."""
    declared = headers.get("content-length", "")
    if not declared.isdecimal():
        return -1 if "transfer-encoding" in headers else 0
    if int(declared) > most:
        raise _too_large(most)
    return int(declared)


async def _received(request: Request, most: int, grown: Callable[[float], None] | None = None) -> bytes:
    parts, size, began = [], 0, asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(BODY_SECONDS) as clock:
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_large(most)
                if grown is not None:
                    grown(size)
                if size > RATE:
                    clock.reschedule(began + BODY_SECONDS + size / RATE)
                parts.append(part)
    except TimeoutError:
        seconds = time_allowed(size)
        raise ApiError(408, f"{size} bytes of a body came within {seconds:.0f} s", code="slow_body") from None
    except ClientDisconnect:
        raise ApiError(400, "the client left before its body was whole", code="disconnected") from None
    return b"".join(parts)


def time_allowed(size: int) -> float:
    """Seconds after which so many bytes must have come."""
    return BODY_SECONDS + (size / RATE if size > RATE else 0.0)


def _opened(body: bytes, expected: TypeAdapter[Any], most: int, *, packed: bool) -> tuple[Any, bytes]:
    if packed:
        body = _unpacked(body, most)
    return _parsed(body, expected), body


def _unpacked(body: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj(GZIP)
    try:
        found = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise ApiError(400, f"the body is no gzip: {error}", code="invalid_encoding") from None
    if len(found) > most:
        raise ApiError(413, f"the body unpacks to more than {most} bytes", code="body_too_large")
    if not unpacking.eof or unpacking.unused_data:
        raise ApiError(
            400, "the gzip of the body breaks off, or has something behind it", code="invalid_encoding"
        )
    return found


def _parsed(body: bytes, expected: TypeAdapter[Any]) -> Any:
    body = body.removeprefix(BOM)
    if len(body) > INLINE_BODY_BYTES and (values := values_in(body)) > MOST_VALUES:
        message = f"the body holds over {MOST_VALUES} values ({values}); send several requests"
        raise ApiError(422, message, code="too_large")
    try:
        return expected.validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None


def values_in(body: bytes) -> int:
    """About how many values a JSON has: its commas and brackets outside of strings.

    To parse millions of them, and to list what is wrong with each, took eleven seconds of everyone's time.
    """
    if b"\\" in body:
        for escape in ESCAPES:
            body = body.replace(escape, b"")
    if body.count(b'"') > 4 * MOST_VALUES:
        return body.count(b'"') // 2
    outside = b"".join(body.split(b'"')[::2])
    return sum(outside.count(sign) for sign in (b",", b"[", b"{"))


def _too_large(most: int) -> ApiError:
    return ApiError(413, f"the body is larger than {most} bytes", code="body_too_large")
