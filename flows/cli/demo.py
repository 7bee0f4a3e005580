"""`moderato demo`: the whole loop on a made-up platform, told in three tables."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from flows.demo.demo import Story

FAILED = 1


def demo(
    *,
    posts: Annotated[int, Parameter(help="posts that each week brings", validator=Number(gte=1))] = 1500,
    seed: Annotated[int, Parameter(help="seed of the platform and of training")] = 0,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Retrain on a simulated platform in a home of its own, where live traffic tells a good challenger from bad ones.

    The demo's home lies beside your own state and is made anew each time; your lake and registry are not touched.
    """
    import shutil

    from infra.environment import adopt, isolate
    from infra.settings import Settings

    home = Settings().home.absolute() / "demo"
    shutil.rmtree(home, ignore_errors=True)
    settings = isolate(home)
    adopt(settings)
    from flows.cli.narration import narrate
    from flows.cli.plain import plain, terminal
    from flows.demo.demo import demo as tell
    from flows.temporary_server import tie_temporary_server

    console = terminal(stderr=True)
    narrate(console)
    tie_temporary_server()
    story = tell(settings, posts=posts, seed=seed, say=lambda line: console.print(f"[bold]{plain(line)}[/]"))
    if json:
        print(as_json(story))  # noqa: T201 - the command's own output
    else:
        _show(story, home)
    if not (story.as_told and story.won_back):
        sys.exit(FAILED)


def as_json(story: Story) -> str:
    """The measurements, the rollouts and the decisions as one object."""
    from dataclasses import asdict

    from pydantic_core import to_json

    told = {name: asdict(getattr(story, name)) for name in ("settled", "drifted", "retrained")}
    rollouts = [
        {name: getattr(one, name) for name in ("name", "version", "rollout", "stage", "promoted", "reason")}
        for one in story.tried
    ]
    counts = {name: getattr(story, name) for name in ("sent", "answered", "recorded", "as_told", "won_back")}
    decisions = {"decisions": [asdict(row) for row in story.counted], "example": story.example}
    return to_json(told | {"rollouts": rollouts} | counts | decisions, indent=2, inf_nan_mode="null").decode()


def _show(story: Story, home: Path) -> None:
    from flows.cli.plain import plain, terminal

    console = terminal()
    console.print(_table(story), _rollouts(story))
    for one in story.tried:
        console.print(f"[bold]{plain(one.name)}[/]: {plain(one.reason)}", highlight=False, soft_wrap=True)
    console.print(_decisions(story))
    console.print(
        f"{story.sent:,} posts sent, {story.answered:,} answered, {story.recorded:,} decisions in the lake. "
        f"Each says why: {plain(_why(story.example))}",
        highlight=False,
        soft_wrap=True,
    )
    outcome = story.tried[0].outcome
    console.print(f"""
Where to look
  model card    {plain(outcome.evaluation.report / "model-card.html")}
  Data Docs     {plain(outcome.validation.docs)}
  MLflow        .venv/bin/mlflow ui --backend-store-uri sqlite:///{plain(home / "mlflow.db")}
  Prefect       PREFECT_HOME={plain(home / "prefect")} .venv/bin/prefect server start
  status        MODERATO_HOME={plain(home)} .venv/bin/moderato status""", highlight=False, soft_wrap=True)  # fmt: skip


def _rollouts(story: Story) -> Table:
    from rich.table import Table

    table = Table(
        "retraining", "version", "came as far as", "posts it decided", "end", title="Three retrainings"
    )
    for one in story.tried:
        mine = [row for row in story.counted if row.rollout == one.rollout and row.role == "challenger"]
        end = "[green]promoted[/]" if one.promoted else "[red]rolled back[/]"
        decided = f"{sum(row.posts for row in mine):,}"
        table.add_row(one.name, str(one.version or "none"), one.stage, decided, end)
    return table


def _decisions(story: Story) -> Table:
    """Every decision of the lake, by who made it when and what it said."""
    from rich.table import Table

    from flows.demo.demo import PLAN
    from infra.rollout import plan_named

    stages = plan_named(PLAN).stages
    names: dict[str | None, str] = {None: "none", **{one.rollout: one.name for one in story.tried}}
    order = list(names)
    keys = {(row.rollout, row.stage, row.version, row.role) for row in story.counted}
    actions = sorted({row.action for row in story.counted})
    table = Table("rollout", "stage", "version", "as", title="The decisions table: posts by action")
    for action in actions:
        table.add_column(action, justify="right")
    for rollout, stage, version, role in sorted(
        keys, key=lambda key: (order.index(key[0]), key[1] or 0, key[3], key[2])
    ):
        counts = {
            row.action: f"{row.posts:,}"
            for row in story.counted
            if (row.rollout, row.stage, row.version, row.role) == (rollout, stage, version, role)
        }
        where = "" if stage is None else stages[stage].name
        table.add_row(names[rollout], where, version, role, *(counts.get(action, "") for action in actions))
    return table


def _why(decision: dict[str, Any]) -> str:
    """One decision in a sentence."""
    from models.domain.policy import market_name

    if not decision:
        return "none acted on a post"
    reasons = ", ".join(
        f"{reason['policy']} scored {reason['score']:.2f} where {reason['threshold']:.2f} asks to {reason['action']} "
        f"in {market_name(reason['market'])}"
        for reason in decision["reasons"]
    )
    name, version = decision["decision_id"][:8], decision["model_version"]
    return f"decision {name}, version {version}, {decision['action']}: {reasons}"


def _table(story: Story) -> Table:
    from rich.table import Table

    from flows.demo.demo import PRECISION
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
