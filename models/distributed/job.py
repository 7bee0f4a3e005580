"""A training as other processes are told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from models.distributed.resources import Resources
from models.domain.preset import Preset

HERE = ("weights", "embeddings")  # what a machine finds for itself, or, once a run is prepared, does without


class Job(BaseModel):
    """What to train, and where."""

    model_config = ConfigDict(frozen=True)

    snapshot_uri: str
    storage_options: dict[str, str] = Field(default={}, repr=False)
    preset: Preset
    seed: int
    folder: Path
    weights: Path | None = Field(default=None, description="folder that the preset's weights were fetched to")
    embeddings: str = Field(
        default="",
        description="address below which is kept what frozen encoders make of texts, and what readers read",
    )
    embeddings_options: dict[str, str] = Field(default={}, repr=False)
    threads: int = Field(
        default=0,
        ge=0,
        description="0 for what suits the machine; those of each process once they are started",
    )
    resources: Resources = Resources()
    run: str = Field(
        default="",
        description="package.module:Class whose `rejoin` trains it in each of the processes that are started",
    )
    more: dict[str, Any] = Field(default={}, description="what this kind of run wants to know besides")
    attempt: bool = Field(default=False, description="only its validations count: nothing is kept")

    def without_secrets(self) -> Self:
        """As another machine may be told of it: without what no `repr` shows, and without folders of this one."""
        told = type(self).model_fields
        kept_here = [name for name, field in told.items() if not field.repr or name in HERE]
        return self.model_copy(
            update={name: told[name].get_default(call_default_factory=True) for name in kept_here}
        )
