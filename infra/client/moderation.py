"""An answer of POST /v1/moderations, in OpenAI's words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


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
