"""`moderato search`: a better preset, within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.choices import PRESET, Options, PolicySetName
from models.distributed.resources import TrainingOptions

if TYPE_CHECKING:
    from rich.console import Console

    from tasks.training.search import Found

MINUTES = 30.0


def search(
    preset: Annotated[str | None, PRESET] = None,
    *,
    over: Annotated[
        tuple[str, ...],
        Parameter(
            help="a field and its range or values: learning_rate=1e-4..1e-2, dropout=0,0.1,0.3; repeatable",
            negative="",
        ),
    ],
    minutes: Annotated[
        float | None,
        Parameter(
            help="of training, all trials together; 30 where nothing else bounds the search",
            validator=Number(gte=0),
        ),
    ] = None,
    money: Annotated[
        float,
        Parameter(
            help="what it may cost, by MODERATO_DEVICE_HOUR_PRICE; 0 for no bound",
            validator=Number(gte=0),
        ),
    ] = 0,
    trials: Annotated[int, Parameter(help="trials at most; 0 for no bound", validator=Number(gte=0))] = 0,
    policy_set: PolicySetName = None,
    options: Options = TrainingOptions(),
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Try presets on one snapshot until the budget is out, and name the best; nothing is registered.

    Every trial is a child run in MLflow below the search's. They are compared by the macro average precision on the
    validation split, and those that are behind are stopped early. Run again, a search that was killed goes on, and one
    that is over goes on where it is given more.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from flows.cli.narration import narrate
    from flows.cli.plain import plain, terminal
    from flows.form import Bounds, Data, Values, searchable, trained_by
    from flows.search import search as lifecycle
    from flows.temporary_server import tie_temporary_server

    console = terminal(stderr=True)
    data = Data(policy_set=policy_set or settings.policy_set)
    training = trained_by(settings, preset=preset, **options.model_dump(exclude_unset=True))
    bound = MINUTES if minutes is None and not (money or trials) else minutes or 0
    bounds, values = Bounds(minutes=bound, money=money, trials=trials), Values(over=over)
    searchable(data, training, values, bounds)
    console.print(plain(f"searching from {training.preset} over {', '.join(over)}"), highlight=False)
    narrate(console)
    tie_temporary_server()
    found = lifecycle(data, training, values, bounds)
    if json:
        print(found.model_dump_json(indent=2))  # noqa: T201 - the command's own output
    else:
        report(found, terminal())


def report(found: Found, console: Console) -> None:
    """The trials, the best first, and the command that retrains with the best."""
    from rich.markdown import Markdown

    from flows.cli.plain import lines, plain
    from tasks.training.search import table

    console.print(Markdown(lines(table(found))))
    cost = f", which cost {found.price:,.2f}" if found.price else ""
    console.print(
        f"{len(found.trials)} trials in {found.seconds:,.0f} s of training{cost}: {plain(found.ended)}",
        highlight=False,
    )
    if found.preset is None:
        console.print("no trial was judged: give it more minutes")
        return
    console.print(f"best validation score {found.score:.3f}; retrain with it:", highlight=False)
    console.print(plain(f"moderato retrain --preset {found.preset}"), highlight=False, soft_wrap=True)
