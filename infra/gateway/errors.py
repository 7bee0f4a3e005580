"""Errors as OpenAI's clients know them: {"error": {"message", "type", "param", "code"}} and a status they act on."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

UNREAD = {408, 413}  # the rest of the body is not waited for
TOO_LONG = {
    "string_too_long",
    "too_long",
    "bytes_too_long",
}  # pydantic's kinds of error for what is past a limit

ROUTING = {404: "not_found", 405: "method_not_allowed"}


class ApiError(Exception):
    """What a client is told instead of an answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_after = retry_after  # seconds

    def response(self) -> Response:
        headers = {"Connection": "close"} if self.status in UNREAD else {}
        headers |= {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.status == 401:  # noqa: PLR2004 - a browser then asks for a key, to show /docs
            # Basic alone: Chromium asks for nothing where Bearer stands in the same header
            headers["WWW-Authenticate"] = 'Basic realm="key as the password"'
        return error_response(self.status, self.message, self.code, self.param, headers)


def error_response(
    status: int, message: str, code: str, param: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """The error body with its status."""
    error = {"message": message, "type": _type(status), "param": param, "code": code}
    return Response(orjson.dumps({"error": error}), status, headers, "application/json")


def _type(status: int) -> str:
    known = {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
    }
    return known.get(status, "server_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004


def invalid(error: ValidationError) -> ApiError:
    """The first thing wrong with a body; says where and what, and never repeats the content."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or None
    if first["type"] == "json_invalid":
        return ApiError(400, f"the body is no JSON: {first['msg']}", code="invalid_json")
    if first["type"] in TOO_LONG:
        return ApiError(422, f"{place} is too large: {first['msg']}", code="too_large", param=place)
    return ApiError(400, f"{place or 'the body'}: {first['msg']}", code="invalid_value", param=place)


def install(app: FastAPI) -> None:
    """Make every error of the app leave in this shape."""

    async def told(_: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return error.response()

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        message = f"{request.method} {request.url.path}: {error.detail}; see /docs for what there is"
        code = ROUTING.get(error.status_code, "invalid_request")
        return error_response(error.status_code, message, code, headers=dict(error.headers or {}))

    async def broken(*_: Any) -> Response:
        return error_response(500, "the gateway failed; its log says why", "internal_error")

    app.add_exception_handler(ApiError, told)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(Exception, broken)
