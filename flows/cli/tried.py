"""What other objectives would change, at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.scoring.what_if import Tried


def print_tried(tried: Tried) -> None:
    from rich.table import Table

    from flows.cli.plain import plain, terminal
    from models.evaluation.what_if import ALL, ANY
    from tasks.scoring.what_if import change_of, per_thousand

    found, console = tried.found, terminal(highlight=False, soft_wrap=True)
    console.print(
        plain(f"version {tried.version} by {tried.policy_set} ({tried.digest[:12]}), on {tried.traffic}")
    )
    console.print(f"[dim]thresholds from {plain(tried.evidence)}[/]")
    for note in tried.notes:
        console.print(f"[yellow]note[/] {plain(note)}")
    shown = [it for it in found.changes if it.subject == ANY or (it.market == ALL and it.is_change)]
    table = Table(title="Of a thousand posts")
    for name in ("market or policy", "action", "now", "then", "change, 95 %"):
        table.add_column(
            name, justify="left" if name in {"market or policy", "action"} else "right", no_wrap=True
        )
    last = ""
    for it in shown:
        if it.now or it.then:
            name = it.market if it.subject == ANY else f"  {it.subject}"
            if last and it.subject == ANY and last != name:
                table.add_section()
            cells = (str(it.action), per_thousand(it.now), per_thousand(it.then), change_of(it))
            table.add_row(*map(plain, ("" if name == last else name, *cells)))
            last = name
    console.print(table)
    table = Table(title="Judged posts: violations let through, harmless posts acted on or reviewed")
    table.add_column("policy", no_wrap=True)
    for name in ("missed now", "then", "of", "touched now", "then", "of"):
        table.add_column(name, justify="right")
    judged = (one for one in found.missed if one.violations or one.harmless)
    for one in judged:
        counts = (
            one.missed_now,
            one.missed_then,
            one.violations,
            one.acted_now,
            one.acted_then,
            one.harmless,
        )
        table.add_row(plain(one.policy), *(f"{count:,}" for count in counts))
    console.print(table)
    share = found.changed / found.posts if found.posts else 0.0
    console.print(
        f"another action on {per_thousand(share)} of a thousand posts; nothing was changed or stored"
    )
