"""`moderato score`: a file of posts in, scores, actions and reasons out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.cli.choices import VERSION


def score(
    source: Annotated[
        Path, Parameter(help="posts as .jsonl, .json or .parquet, in the schema of `ingest jsonl`")
    ],
    output: Annotated[
        Path, Parameter(help="the .parquet, .csv or .jsonl file to write; replaced when it exists")
    ],
    /,
    *,
    model: Annotated[str, VERSION] = "champion",
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Score posts with a registered model: post_id, one calibrated score a policy, action and reasons.

    A row that is no post is left out and named; the rest is scored.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from rich.progress import TaskProgressColumn

    from flows.cli.plain import plain, terminal
    from flows.cli.progress import progress
    from tasks.scoring.score import score as step

    console = terminal(stderr=True)
    with progress(console, TaskProgressColumn()) as show:
        scoring = step.fn(settings, source, output, model, lambda share: show("scoring", share, 1))
    for row in scoring.rows:
        console.print(f"[yellow]row {row.row}: {plain(row.reason)}[/] {plain(row.detail)}", highlight=False)
    if json:
        print(scoring.model_dump_json(indent=2))  # noqa: T201 - the command's own output
        return
    counts = ", ".join(f"{action} {count}" for action, count in sorted(scoring.actions.items()))
    left_out = f"; {sum(scoring.rejected.values())} rows left out" if scoring.rejected else ""
    terminal().print(
        f"version {scoring.model_version} scored {scoring.posts} posts ({counts or 'none'}) to {output}{left_out}",
        highlight=False,
    )
