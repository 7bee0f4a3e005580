"""`moderato demo`: the whole loop on a made-up platform, with a table of before and after."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from flows.demo import Story

FAILED = 1


def demo(
    *,
    posts: Annotated[int, Parameter(help="posts that each week brings")] = 1500,
    seed: Annotated[int, Parameter(help="seed of the platform and of training")] = 0,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Retrain twice on a simulated platform in a home of its own, and compare before with after.

    The demo's home lies beside your own state and is made anew each time; your lake and registry are not touched.
    """
    import shutil

    from infra.settings import Settings, adopt, isolate

    home = Settings().home.absolute() / "demo"
    shutil.rmtree(home, ignore_errors=True)
    settings = isolate(home)
    adopt(settings)
    from rich.console import Console

    from flows.command_line.narration import narrate
    from flows.demo import demo as tell

    console = Console(stderr=True)
    narrate(console)
    story = tell(settings, posts=posts, seed=seed, say=lambda line: console.print(f"[bold]{line}[/]"))
    if json:
        print(as_json(story))  # noqa: T201 - the command's own output
    else:
        _show(story, home)
    if not story.won_back:
        sys.exit(FAILED)


def as_json(story: Story) -> str:
    """The three measurements, and the versions that they are of."""
    from dataclasses import asdict

    from pydantic_core import to_json

    measured = {name: asdict(getattr(story, name)) for name in ("settled", "drifted", "retrained")}
    return to_json(measured | {"won_back": story.won_back}, indent=2, inf_nan_mode="null").decode()


def _show(story: Story, home: Path) -> None:
    from rich.console import Console

    console = Console()
    console.print(_table(story))
    report = story.second.evaluation.report
    console.print(f"""
Where to look
  model card    {report / "model-card.html"}
  Data Docs     {story.second.validation.docs}
  MLflow        .venv/bin/mlflow ui --backend-store-uri sqlite:///{home / "mlflow.db"}
  Prefect       PREFECT_HOME={home / "prefect"} .venv/bin/prefect server start
  status        MODERATO_HOME={home} .venv/bin/moderato status""", highlight=False, soft_wrap=True)  # fmt: skip


def _table(story: Story) -> Table:
    from rich.table import Table

    from flows.demo import PRECISION
    from infra.simulator import DRIFTING

    table = Table(
        "policy",
        title=f"Recall at precision {PRECISION} (average precision), on held-out posts, against the truth",
    )
    for heading, measured in zip(
        ("before the drift", "after the drift", "after retraining"), story.told, strict=True
    ):
        table.add_column(f"{heading}\nversion {measured.version}, weeks {measured.weeks}", justify="right")
    for policy in DRIFTING:
        table.add_row(policy, *(_cell(measured.means([policy])) for measured in story.told))
    table.add_section()
    table.add_row("mean of these", *(_cell(measured.means(DRIFTING)) for measured in story.told))
    table.add_row("mean of the others", *(_cell(measured.means(story.steady)) for measured in story.told))
    return table


def _cell(figures: tuple[float, float]) -> str:
    recall, average_precision = figures
    return f"{recall:.2f} ({average_precision:.2f})"
