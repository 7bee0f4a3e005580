"""Reading a body within limits of size and time."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request

from infra.gateway.errors import ApiError, invalid

PATIENCE = 20.0  # seconds in which a body must have come


async def read_json(request: Request, expected: TypeAdapter[Any], most: int) -> Any:
    """The body as what was expected; `most` in bytes. Raises ApiError 400, 408, 413 or 422."""
    try:
        async with asyncio.timeout(PATIENCE):
            body = await _body(request, most)
    except TimeoutError:
        raise ApiError(408, f"the body did not come within {PATIENCE:.0f} s", code="slow_body") from None
    except ClientDisconnect:
        raise ApiError(400, "the client left before its body was whole", code="disconnected") from None
    try:
        return expected.validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None


async def _body(request: Request, most: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(most)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
    return b"".join(parts)


def _too_large(most: int) -> ApiError:
    return ApiError(413, f"the body is larger than {most} bytes", code="body_too_large")
