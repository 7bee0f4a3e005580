"""What tasks pass to each other: small frozen records that Prefect can hash, store and show."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Handle(BaseModel):
    """Holds names, numbers and addresses; the data they point to stays where it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")
