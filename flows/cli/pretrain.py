"""`moderato pretrain`: encoders learn from the lake's posts, judged or not, and become a backbone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.cli.choices import PRESET, Options, PolicySetName, lessons, listed
from models.distributed.resources import TrainingOptions

if TYPE_CHECKING:
    from rich.console import Console

    from flows.pretrain import Pretrained


def pretrain(
    preset: Annotated[str, PRESET] = "clip",
    *,
    objectives: Annotated[
        str,
        Parameter(
            help=f"what they learn by, joined by plus, as in contrastive+captioning: {listed(lessons())}",
            completer=lambda _: lessons(),
        ),
    ] = "contrastive",
    teacher: Annotated[
        str, Parameter(help="a backbone to learn from, where an objective has a teacher: models:/name@alias")
    ] = "",
    bootstrap: Annotated[
        str,
        Parameter(
            help="a backbone that learned captioning and matching, to keep or rewrite the texts beside pictures first"
        ),
    ] = "",
    policy_set: PolicySetName = None,
    as_of: Annotated[
        datetime | None, Parameter(help="learn from the lake as it was then; UTC unless it says")
    ] = None,
    options: Options = TrainingOptions(),
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Pre-train encoders on the lake's posts, judged or not, and register them as moderato-backbone.

    Posts as late as those that a retraining tests on are left out. A retraining begins from the result with
    --preset clip,weights=models:/moderato-backbone@latest.

    Steps that an earlier run with the same inputs has finished are not done again.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from flows.cli.narration import narrate
    from flows.cli.plain import plain, terminal
    from flows.form import Data
    from flows.pretrain import pretrain as lifecycle
    from flows.pretraining_form import checked, pretrained_by
    from flows.temporary_server import tie_temporary_server

    console = terminal(stderr=True)
    data = Data(policy_set=policy_set or settings.policy_set, as_of=as_of)
    training = pretrained_by(
        settings,
        preset=preset,
        objectives=objectives,
        teacher=teacher,
        bootstrap=bootstrap,
        **options.model_dump(exclude_unset=True),
    )
    checked(data, training)
    console.print(plain(f"pre-training {preset} by {objectives}"), highlight=False)
    narrate(console)
    tie_temporary_server()
    outcome = lifecycle(data, training)
    if json:
        print(as_json(outcome))  # noqa: T201 - the command's own output
    else:
        report(outcome, terminal())


def as_json(outcome: Pretrained) -> str:
    """The outcome as one object: corpus, run, version, address and metrics by name."""
    from pydantic_core import to_json

    corpus, release = outcome.corpus, outcome.release
    return to_json(
        {
            "corpus": {"id": corpus.id, "counts": corpus.counts, "dropped": corpus.dropped},
            "run_id": outcome.run_id,
            "version": release.version,
            "address": release.address,
            "aliases": release.aliases,
            "metrics": outcome.metrics,
        },
        indent=2,
        inf_nan_mode="null",
    ).decode()


def report(outcome: Pretrained, console: Console) -> None:
    """The corpus, the metrics and what to do next, for a person."""
    from rich.table import Table

    from flows.cli.plain import plain

    corpus, release = outcome.corpus, outcome.release
    table = Table(
        "on validation posts", "", title=f"Corpus {corpus.id[:12]}: {corpus.counts['train']:,} posts"
    )
    for name, value in sorted(outcome.metrics.items()):
        table.add_row(plain(name), f"{value:.4f}")
    console.print(table)
    for reason, count in corpus.dropped.items():
        if count:
            console.print(f"left out, {count:,}: {plain(reason)}", highlight=False)
    console.print(
        f"[bold]version {release.version}[/] is registered as {plain(release.address)}", highlight=False
    )
    chosen = f"{outcome.recipe.preset},weights={release.address}"
    console.print(plain(f"next: moderato retrain --preset {chosen}"), highlight=False, soft_wrap=True)
