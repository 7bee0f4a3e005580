"""`moderato rollback`: the champion before decides again, at once."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def rollback(
    *,
    to: Annotated[
        int | None, Parameter(help="version that shall decide; the champion before when not given")
    ] = None,
    reason: Annotated[str, Parameter(help="why, for the record")] = "",
) -> None:
    """Make the last good champion decide again, past all stages; a running rollout is stopped."""
    from infra.rollout import Store, roll_back
    from infra.settings import Settings, adopt

    settings = Settings()
    adopt(settings)
    gone, back = roll_back(Store(settings), to, reason)
    print(f"version {back.version} decides again, version {gone.version} no more")  # noqa: T201 - the command's output
