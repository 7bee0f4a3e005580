"""A training as other processes are told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from models.distributed.resources import Resources
from models.domain.preset import Preset


class Job(BaseModel):
    """What to train, and where."""

    model_config = ConfigDict(frozen=True)

    run: str = Field(description="package.module:Class whose `rejoin` trains it in each of the processes")
    snapshot_uri: str
    storage_options: dict[str, str] = Field(default={}, repr=False)
    preset: Preset
    seed: int
    folder: Path
    weights: Path | None = None
    threads: int = Field(default=1, description="of each process")
    resources: Resources = Resources()
    more: dict[str, Any] = Field(default={}, description="what this kind of run wants to know besides")
    attempt: bool = Field(default=False, description="only its validations count: nothing is kept")
