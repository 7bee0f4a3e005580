"""`moderato models`: the families of encoders that a preset can name, and what each of them takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from infra.settings import Settings
    from models.encoders.base.encoder import Encoder

TRAINED, SERVED = (
    16,
    4,
)  # bytes a parameter: weight, gradient and AdamW's two moments in float32; the weight alone


def models(*, json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False) -> None:
    """List every family of encoders: what it sees, its usual weights, their licence, size and memory.

    Memory is that of weights, gradients and optimiser in full training, and of weights when serving; activations come
    on top. `small` is the configuration that the preset of the same name trains from scratch.
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
    from models.encoders import ENCODERS

    return [_entry(settings, encoder) for encoder in ENCODERS.sound()]


def _print_broken() -> None:
    """Families of one's own that cannot be loaded, in a line each."""
    from flows.cli.plain import plain, terminal
    from models.domain.errors import UserError
    from models.encoders import ENCODERS

    for name in ENCODERS.names():
        try:
            _ = ENCODERS[name]
        except UserError as error:
            terminal(highlight=False, soft_wrap=True).print(f"[red]broken[/] {plain(str(error))}")


def _entry(settings: Settings, encoder: Encoder) -> dict[str, Any]:
    from infra.weights import held

    usual = encoder.usual
    entry = {"name": encoder.name, "about": encoder.about, "modalities": encoder.modalities}
    if usual is None:
        return entry | {"weights": None, "licence": "this house's own", "at_hand": None}
    return entry | {
        "weights": usual.weights,
        "licence": usual.licence,
        "architecture": usual.architecture,
        "parameters": usual.parameters,
        "bytes_to_train": usual.parameters * TRAINED,
        "bytes_to_serve": usual.parameters * SERVED,
        "at_hand": held(settings, encoder.name, usual.weights),
    }


def _print(found: list[dict[str, Any]]) -> None:
    from flows.cli.plain import plain, terminal

    console = terminal(highlight=False, soft_wrap=True)
    for entry in found:
        console.print(f"[bold]{entry['name']:18}[/]{' and '.join(entry['modalities']):16}{_size(entry)}")
        console.print(f"{'':18}{plain(entry['about'])}")
        if entry["weights"]:
            where = f"at hand in {entry['at_hand']}" if entry["at_hand"] else "not at hand"
            console.print(f"{'':18}{plain(entry['weights'])}, {plain(entry['licence'])}, {plain(where)}")
    console.print(
        "\nTrain one with moderato retrain --preset NAME,weights=FOLDER; without weights, a small one from scratch."
    )


def _size(entry: dict[str, Any]) -> str:
    if "parameters" not in entry:
        return "small"
    train, serve = entry["bytes_to_train"] / 1e9, entry["bytes_to_serve"] / 1e9
    return (
        f"{entry['parameters'] / 1e6:,.0f} M parameters, {train:,.1f} GB to train, {serve:,.1f} GB to serve"
    )
