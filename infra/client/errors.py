"""What a client is told where there is no answer."""

from __future__ import annotations

from models.domain.errors import UserError

MAKE_A_KEY = "moderato keys create --scope decide --scope read"


class NoKeyError(UserError):
    """A client without a key."""


class GatewayError(UserError):
    """A gateway that is not there, or that refused a request; `status` is 0 where nothing answered."""

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code
