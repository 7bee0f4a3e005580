"""`moderato journal`: lines of the gateway's journal that a disk has damaged, and what becomes of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from infra.gateway import Aside

Act = Literal["list", "retry", "discard"]
MAX_LINE_CHARACTERS = 100  # characters of a line
LEFT = 2


def journal(
    act: Annotated[Act, Parameter(help="what to do; list changes nothing")] = "list",
    *,
    yes: Annotated[bool, Parameter(help="discard for good, without asking back", negative="")] = False,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Show decisions that were given out and can no longer be read, retry them once they are repaired, or discard them.

    The lines lie as they were in the files that are named; an editor repairs them. Exit code 2 while some are left.
    """
    from infra.environment import adopt
    from infra.gateway import JOURNAL, discard_aside, lines_aside, retry_aside
    from infra.lake import open_lake
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    root = settings.home.absolute() / JOURNAL
    brought, _ = retry_aside(root, open_lake(settings).decisions) if act == "retry" else (0, 0)
    discarded = discard_aside(root) if act == "discard" and yes else 0
    left = list(lines_aside(root))
    if json:
        from pydantic_core import to_json

        found = {"brought": brought, "discarded": discarded, "left": [_described(it) for it in left]}
        print(to_json(found, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        _print(act, brought, discarded, left)
    if left:
        sys.exit(LEFT)


def _described(aside: Aside) -> dict[str, Any]:
    return {
        "file": str(aside.path),
        "number": aside.number,
        "decision_id": aside.decision_id,
        "reason": aside.reason,
        "line": aside.line.decode(errors="replace"),
    }


def _print(act: Act, brought: int, discarded: int, left: list[Aside]) -> None:
    from flows.cli.plain import said

    for aside in left:
        found = _described(aside)
        print(  # noqa: T201 - the command's own output
            f"{found['file']}:{found['number']}: decision {found['decision_id'] or 'unreadable'}: "
            f"{found['reason'] or 'whole by now, retry it'}: {said(found['line'][:MAX_LINE_CHARACTERS])}"
        )
    told = {
        "list": f"{len(left):,} damaged lines" + ("; repair and retry them, or discard them" if left else ""),
        "retry": f"{brought:,} decisions are in the lake now, {len(left):,} lines are still damaged",
        "discard": f"{discarded:,} lines discarded"
        if discarded
        else f"{len(left):,} lines would go: add --yes",
    }
    print(told[act])  # noqa: T201 - the command's own output
