"""`moderato policies`: policy sets as people write them, and what other objectives would change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from models.domain.announced import Announced
    from models.domain.policy import PolicySet

FAULTY = 2
DIGEST_DIGITS = 12  # hexadecimal digits of a digest

Json = Annotated[bool, Parameter(help="print one JSON object", negative="")]
Name = Annotated[
    str,
    Parameter(help="a policy set's name, a file, or the one of a version: champion, challenger or a number"),
]

policies = App(
    name="policies",
    help="List, show, check and compare policy sets, and try other objectives before they decide.",
)


@policies.command(name="list")
def list_(*, json: Json = False) -> None:
    """List every policy set: its title, policies, markets, content hash and file; `*` marks the one in use."""
    from flows.cli.plain import plain, terminal
    from infra.settings import Settings
    from models.domain.errors import UserError
    from models.policies import POLICY_SETS

    chosen, rows, faults = Settings().policy_set, [], []
    for name in POLICY_SETS.names():
        try:
            rows.append(_row(POLICY_SETS[name], _places(name), chosen=name == chosen))
        except UserError as error:
            faults.append({"name": name, "fault": str(error)})
    if json:
        _print_json({"policy_sets": rows, "faults": faults})
        return
    console = terminal(highlight=False, soft_wrap=True)
    for row in rows:
        counts = f"{len(row['policies'])} policies, objectives of {', '.join(row['markets'])}"
        mark = "[green]*[/]" if row["chosen"] else " "
        console.print(f"{mark} [bold]{plain(row['name']):24}[/]{plain(row['title'])}: {plain(counts)}")
        console.print(f"{'':26}[dim]content {row['digest'][:DIGEST_DIGITS]}, {plain(row['where'])}[/]")
    for fault in faults:
        console.print(f"[red]![/] [bold]{plain(fault['name']):24}[/]{plain(fault['fault'])}")


@policies.command
def show(name: Name, /, *, json: Json = False) -> None:
    """Show a set: its policies with their severities, and what each market asks of the model."""
    from flows.cli.plain import plain, terminal

    found = policy_set(name)
    if json:
        _print_json(found.model_dump(mode="json") | {"digest": found.digest})
        return
    from rich.table import Table

    console = terminal(highlight=False)
    console.print(plain(f"{found.title} ({found.name}), content {found.digest[:DIGEST_DIGITS]}"))
    table = Table("policy", "severity", "what it forbids and allows", show_lines=True)
    for policy in found.policies:
        table.add_row(*map(plain, (policy.key, f"{policy.severity} of 5", policy.definition)))
    console.print(table)
    from models.domain.policy_file import AUTOMATIC

    table = Table("market", *(f"{action} from" for action in AUTOMATIC), "review", "judged violations needed")
    for market, asked in found.objectives.items():
        shares = [
            f"{asked.precision[action]:.0%}" if action in asked.precision else "" for action in AUTOMATIC
        ]
        table.add_row(plain(market), *shares, f"{asked.review_share:.1%}", str(asked.minimum_judgements))
    console.print(table)
    console.print(
        "[dim]an action is taken without a person from that precision on, once judged posts prove it[/]"
    )


@policies.command
def check(
    names: Annotated[tuple[str, ...], Parameter(help="names or files; every set when not given")] = (), /
) -> None:
    """Check policy sets: every fault with file, line and what to do about it. Exit code 2 where there is one."""
    from flows.cli.plain import plain, terminal
    from models.domain.policy_contract import faults
    from models.policies import POLICY_SETS

    console = terminal(highlight=False, soft_wrap=True)
    wrong = 0
    for name in names or POLICY_SETS.names():
        told = _faults(name) if not (found := _loaded(name)) else faults(found)
        wrong += len(told)
        for fault in told:
            console.print(f"[red]wrong[/]  {plain(fault)}")
        if found and not told:
            content = found.digest[:DIGEST_DIGITS]
            counts = f"{len(found.policies)} policies, {len(found.objectives)} markets, content {content}"
            console.print(f"[green]good[/]   {plain(name)}: {counts}")
    if wrong:
        sys.exit(FAULTY)


@policies.command
def diff(before: Name, after: Name, /, *, json: Json = False) -> None:
    """Show what differs between two sets, field by field: `diff champion guidelines` is what a retraining changes."""
    from dataclasses import asdict

    from flows.cli.plain import plain, terminal
    from models.domain.policy_difference import differences

    found = differences(policy_set(before), policy_set(after))
    if json:
        _print_json({"differences": [asdict(one) for one in found]})
        return
    console = terminal(highlight=False, soft_wrap=True)
    for one in found:
        console.print(f"[bold]{plain(one.place)}[/]")
        for sign, colour, value in (("-", "red", one.before), ("+", "green", one.after)):
            if value is not None:
                console.print(f"  [{colour}]{sign} {plain(str(value))}[/]")
    if not found:
        console.print("they say the same")


@policies.command
def schema() -> None:
    """Print the JSON schema of policy files, by which editors complete and check them."""
    from models.domain.policy_file import schema as made

    _print_json(made())


@policies.command(name="try")
def try_(
    file: Annotated[str, Parameter(help="a policy set's name or file; the setting's when not given")] = "",
    /,
    *,
    on: Annotated[
        str, Parameter(help="the version whose scores are used: an alias or a number")
    ] = "champion",
    change: Annotated[
        tuple[str, ...],
        Parameter(name="--set", help="an objective to change: DE.remove=0.98; repeatable", negative=""),
    ] = (),
    json: Json = False,
) -> None:
    """What if: decide what a version has scored by other objectives, beside its own; nothing is trained or stored.

    Thresholds are derived anew from the judged posts that its own came from; then both decide the posts that it decided
    live, or, where those are few, the judged ones of its snapshot.
    """
    from infra.environment import adopt
    from infra.settings import Settings
    from models.domain.policy_changes import changed

    settings = Settings()
    adopt(settings)
    from tasks.scoring.what_if import try_objectives

    tried = try_objectives(settings, changed(policy_set(file or settings.policy_set), change), on)
    if json:
        _print_json(tried.model_dump(mode="json"))
    else:
        from flows.cli.tried import print_tried

        print_tried(tried)


def policy_set(name: str) -> PolicySet:
    """By name, by file, or that of a registered version. Raises UserError."""
    from models.domain.policy_file import SUFFIXES, read_policy_set
    from models.policies import POLICY_SETS

    if Path(name).suffix.lower() in SUFFIXES:
        return read_policy_set(Path(name).absolute())
    if name in POLICY_SETS or not (name in {"champion", "challenger"} or name.isdigit()):
        return POLICY_SETS[name]
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from infra.registry import Registry
    from models.bundle.bundle import policy_set_of

    registry = Registry(settings)
    return policy_set_of(registry.fetch(registry.resolve(name)))


def _loaded(name: str) -> PolicySet | None:
    from models.domain.errors import UserError

    try:
        return policy_set(name)
    except UserError:
        return None


def _faults(name: str) -> list[str]:
    """Why a set cannot be loaded, fault by fault."""
    from models.domain.errors import UserError
    from models.domain.located import WrittenError

    try:
        policy_set(name)
    except WrittenError as error:
        return list(error.faults)
    except UserError as error:
        return [str(error)]
    return []


def _places(name: str) -> list[Announced]:
    from models.policies import POLICY_SETS

    return [entry for entry in POLICY_SETS.announced() if entry.name == name]


def _row(found: PolicySet, places: list[Announced], *, chosen: bool) -> dict[str, Any]:
    return {
        "name": found.name,
        "title": found.title,
        "policies": found.keys,
        "markets": found.markets,
        "digest": found.digest,
        "where": places[0].where if places[0].own else "shipped",
        "chosen": chosen,
    }


def _print_json(found: object) -> None:
    from pydantic_core import to_json

    print(to_json(found, indent=2).decode())  # noqa: T201 - the command's own output
