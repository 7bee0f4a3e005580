"""`moderato zero-shot`: scores of policies that nobody has judged by, from their words and a few examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from flows.cli.choices import POLICY, PolicySetName


def zero_shot(
    source: Annotated[
        Path, Parameter(help="posts as .jsonl, .json or .parquet, in the schema of `ingest jsonl`")
    ],
    output: Annotated[
        Path, Parameter(help="the .parquet, .csv or .jsonl file to write; replaced when it exists")
    ],
    /,
    *,
    policy_set: PolicySetName = None,
    policy: Annotated[str, POLICY] = "",
    backbone: Annotated[
        str, Parameter(help="a pre-trained backbone: models:/name@alias, a folder or s3://bucket/prefix")
    ] = "models:/moderato-backbone@latest",
    shots: Annotated[
        int,
        Parameter(
            help="judged posts of the lake as examples of each policy: so many that violate, so many that do not",
            validator=validators.Number(gte=0),
        ),
    ] = 0,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Score posts for policies by what their definitions and examples say: post_id, and one score a policy.

    The scores order posts; no calibration says how often they are right. A row that is no post is left out and named.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from rich.progress import TaskProgressColumn

    from flows.cli.plain import plain, terminal
    from flows.cli.progress import progress
    from tasks.scoring.zero_shot import Asked, chosen
    from tasks.scoring.zero_shot import zero_shot as step

    console = terminal(stderr=True)
    policies = chosen(policy_set or settings.policy_set, policy)
    asked = Asked(policies=policies, backbone=backbone, shots=shots)
    with progress(console, TaskProgressColumn()) as show:
        scoring = step.fn(settings, source, output, asked, lambda share: show("scoring", share, 1))
    for row in scoring.rows:
        console.print(f"[yellow]row {row.row}: {plain(row.reason)}[/] {plain(row.detail)}", highlight=False)
    if json:
        print(scoring.model_dump_json(indent=2))  # noqa: T201 - the command's own output
        return
    left_out = f"; {sum(scoring.rejected.values())} rows left out" if scoring.rejected else ""
    means = f"words and {shots} examples a side" if shots else "words"
    terminal().print(
        f"scored {scoring.posts} posts for {len(policies)} policies by their {means} to {output}{left_out}",
        highlight=False,
        soft_wrap=True,
    )
