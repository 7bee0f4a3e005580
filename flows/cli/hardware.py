"""The options that say on what to train, and by which seed, for every command that trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

Seed = Annotated[
    int | None, Parameter(help="seed; the setting's when not given", validator=Number(gte=0, lt=2**31))
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What is not given is the settings' choice."""

    devices: Annotated[
        int | None, Parameter(help="devices of this machine to train on", validator=Number(gte=1))
    ] = None
    strategy: Annotated[
        Literal["ddp", "fsdp"] | None,
        Parameter(help="hold the whole model on each device, or a share of it"),
    ] = None
    workers: Annotated[
        int | None,
        Parameter(
            help="train in so many processes on the cluster at RAY_ADDRESS, or a Ray of its own",
            validator=Number(gte=0),
        ),
    ] = None
