"""A value from outside whose form is wrong."""

from __future__ import annotations

from models.domain.errors import UserError


class FormError(UserError):
    """`key` is what summaries count by and clients match on; `detail` says the value and what to do."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(f"{key}: {detail}")
        self.key, self.detail = key, detail
