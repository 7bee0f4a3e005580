"""`moderato simulate`: a made-up platform, written into the lake."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def simulate(
    *,
    posts: Annotated[int, Parameter(help="how many posts, spread over the weeks")] = 6000,
    weeks: Annotated[int, Parameter(help="how many weeks")] = 4,
    start_week: Annotated[int, Parameter(help="the first week; later weeks may come in a later call")] = 1,
    seed: Annotated[int, Parameter(help="the platform: its authors, words and moderators")] = 0,
    drift: Annotated[float, Parameter(help="share of evaders' terms that are new each week")] = 0.06,
    wave: Annotated[
        float, Parameter(help="share of evaders' terms that are new in weeks 5, 9, 13, ...")
    ] = 0.8,
    described: Annotated[
        float, Parameter(help="share of the captions beside pictures that name what the picture shows")
    ] = 0.0,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Write a made-up platform into the lake: posts, pictures, judgements, and the truth apart from them."""
    from dataclasses import asdict

    from rich.progress import MofNCompleteColumn

    from flows.cli.plain import said, terminal
    from flows.cli.progress import progress
    from infra.environment import adopt
    from infra.lake import open_lake
    from infra.settings import Settings
    from infra.simulator import simulate as write

    settings = Settings()
    adopt(settings)
    lake, written = open_lake(settings), 0
    with progress(terminal(stderr=True), MofNCompleteColumn()) as show:

        def count(more: int) -> None:
            nonlocal written
            written += more
            show("posts", written, posts)

        done = write(
            lake,
            posts=posts,
            weeks=weeks,
            seed=seed,
            start_week=start_week,
            drift=drift,
            wave=wave,
            described=described,
            on_posts=count,
        )
    if json:
        from pydantic_core import to_json

        print(to_json(asdict(done)).decode())  # noqa: T201 - the command's own output
        return
    last = f" to {done.weeks[-1]}" if len(done.weeks) > 1 else ""
    counts = f"{done.posts:,} posts and {done.judgements:,} judgements"
    print(said(f"{counts} of week {done.weeks[0]}{last} in {lake.uri}"))  # noqa: T201
    print(said(f"the truth about them: {done.truth}"))  # noqa: T201
