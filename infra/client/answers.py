"""What the gateway answers a client: a moderation in OpenAI's words, or why there is none."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.domain.errors import UserError

MAKE_A_KEY = "moderato keys create --scope decide --scope read"


class NoKeyError(UserError):
    """A client without a key."""


class GatewayError(UserError):
    """A gateway that is not there, or that refused a request; `status` is 0 where nothing answered."""

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Moderation(BaseModel):
    """About one content. A category without an applied input type was not assessed, which is not the same as safe."""

    model_config = ConfigDict(frozen=True, extra="allow")  # a newer gateway may say more

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[str]]

    @property
    def violated(self) -> tuple[str, ...]:
        """The categories that apply."""
        return tuple(name for name, applies in self.categories.items() if applies)
