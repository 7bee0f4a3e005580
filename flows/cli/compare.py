"""`moderato compare`: two versions on the same posts."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from flows.cli.choices import VERSION


def compare(
    one: Annotated[str, VERSION],
    other: Annotated[str, VERSION],
    /,
    *,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Put two registered versions side by side, and keep the table in the newer one's MLflow run.

    Both score the newer one's test posts, without those that the older one learned from.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from rich.markdown import Markdown

    from flows.cli.plain import lines, terminal
    from tasks.release.compare import compare_versions

    found, markdown = compare_versions(settings, one, other)
    if json:
        print(found.model_dump_json(indent=2))  # noqa: T201 - the command's own output
    else:
        terminal().print(Markdown(lines(markdown)))
