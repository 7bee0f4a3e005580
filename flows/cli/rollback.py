"""`moderato rollback`: the champion before decides again, at once."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def rollback(
    *,
    to: Annotated[
        int | None, Parameter(help="version that shall decide; the champion before when not given")
    ] = None,
    copy: Annotated[
        bool,
        Parameter(
            help="a champion that was deleted decides again, registered from its run or a gateway's copy",
            negative="",
        ),
    ] = False,
    reason: Annotated[str, Parameter(help="why, for the record")] = "",
) -> None:
    """Make the last good champion decide again, past all stages; a running rollout is stopped.

    Where the champion has vanished from MLflow that is the last one that is whole, else the vanished one itself.
    """
    from flows.cli.hurry import import_arrow
    from flows.cli.plain import said

    import_arrow()
    from infra.environment import adopt
    from infra.rollout import Store, roll_back
    from infra.settings import Settings, SettingsError

    settings = Settings()
    adopt(settings)
    if copy and to is not None:
        raise SettingsError("--to names a version and --copy another: give one of them")
    gone, back = roll_back(Store(settings), to, reason, copy=copy)
    no_more = f", version {gone} no more" if gone != back.version else ""
    print(said(f"version {back.version} decides again{no_more}"))  # noqa: T201 - the command's own output
