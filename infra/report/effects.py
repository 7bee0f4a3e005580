"""What a champion will do, in words: a table of a thousand posts, and what it cannot do yet."""

from __future__ import annotations

from collections import defaultdict

from infra.markdown import cells, plain
from infra.report.unjudged import unjudged_table
from models.domain.content import Action
from models.domain.policy import DEFAULT_MARKET, market_name
from models.evaluation.effects import THOUSAND, Effect, Effects, Gap, MarketEffects

TITLE = "What this champion will do"
ALL = "all together"
ACTIONS = (Action.REMOVE, Action.LIMIT, Action.AGE_GATE, Action.REVIEW, Action.ALLOW)
HEAD = ("market", "policy", "remove", "limit", "gate", "review", "allow", "missed", "at most")

DEEDS = {
    Action.REMOVE: "removed",
    Action.AGE_GATE: "age-gated",
    Action.LIMIT: "limited",
    Action.REVIEW: "to people",
    Action.ALLOW: "allowed",
}
ALWAYS = (Action.REMOVE, Action.REVIEW, Action.ALLOW)  # told where there are none as well

MISSED = (
    "Missed are violations that are allowed; at most is how many the counted posts do not rule out (95 %)."
)

Row = tuple[str, ...]


def effects_rows(effects: Effects, *, whole: bool = False) -> list[Row]:
    """HEAD's columns: every policy in the default market, all together in the others; every policy where `whole`."""
    return [
        row
        for market in effects.markets
        for row in _rows(market, each=whole or market.market == DEFAULT_MARKET)
    ]


def effects_notes(effects: Effects) -> list[str]:
    """What the table was counted on, people's time, what is not assessed, and what the model cannot do."""
    borrowed = [
        market.market for market in effects.markets if not market.own and market.market != DEFAULT_MARKET
    ]
    counted = f"Counted on {effects.posts:,} judged posts that it did not learn from."
    if borrowed:
        counted += f" {', '.join(borrowed)}: on all of them, decided by that market's thresholds."
    notes = [part for part in (counted, unjudged_thousand(effects), MISSED) if part]
    minutes = ", ".join(
        f"{market_name(market.market)} {shown(market.review_minutes)}" for market in effects.markets
    )
    notes.append(f"Minutes of people's time for a thousand posts: {minutes}.")
    if effects.not_assessed:
        notes.append(
            f"Not assessed, because nobody judged a post for them: {', '.join(effects.not_assessed)}. "
            "No score, no action, no review, until somebody does."
        )
    return notes + shortcomings(effects)


def unjudged_thousand(effects: Effects) -> str:
    """What is done with a thousand posts that nobody judged, as most of live traffic is; empty where none are known."""
    if effects.unjudged is None or not effects.unjudged.shares:
        return ""
    shares = effects.unjudged.shares
    done = ", ".join(
        f"{shown(THOUSAND * shares.get(action, 0.0))} {word}"
        for action, word in DEEDS.items()
        if shares.get(action) or action in ALWAYS
    )
    return f"Of a thousand of {effects.unjudged.posts:,} posts that nobody judged: {done}."


def shortcomings(effects: Effects) -> list[str]:
    """A sentence for each policy and automatic action that is not taken: where, why, and what would change it."""
    grouped: dict[tuple[str, Action], list[Gap]] = defaultdict(list)
    for gap in effects.gaps:
        grouped[gap.policy, gap.action].append(gap)
    return [_shortcoming(policy, action, gaps) for (policy, action), gaps in grouped.items()]


def effects_summary(effects: Effects) -> str:
    """One row a market as Markdown, for places that hold little."""
    rows = [row for market in effects.markets for row in _rows(market, each=False)]
    return "\n".join(["What this champion will do, of a thousand posts:", "", *_table(rows)])


def effects_table(effects: Effects, *, whole: bool = False) -> str:
    """Table and notes as Markdown; every policy in every market where `whole`."""
    lines = ["Of a thousand posts:", "", *_table(effects_rows(effects, whole=whole))]
    lines += ["", *(f"- {plain(note)}" for note in effects_notes(effects))]
    if effects.unjudged is not None:
        lines += ["", "### On posts that nobody judged", "", unjudged_table(effects.unjudged)]
    return "\n".join(lines)


def _table(rows: list[Row]) -> list[str]:
    return [cells(*HEAD), "|---|---|---:|---:|---:|---:|---:|---:|---:|", *(cells(*row) for row in rows)]


def _rows(market: MarketEffects, *, each: bool) -> list[Row]:
    rows = [(ALL, market.together), *((one.policy, one) for one in market.policies if each)]
    return [
        (
            market_name(market.market),
            name,
            *(shown(one.per_thousand(action)) for action in ACTIONS),
            *_passed(one),
        )
        for name, one in rows
    ]


def _passed(effect: Effect) -> Row:
    found = effect.passed_per_thousand, effect.passed_at_most
    return tuple("unknown" if value is None else shown(value) for value in found)


def shown(value: float) -> str:
    """Of a thousand; what is there is never shown as none."""
    if 0 < value < 1:
        return "under 1"
    return f"{min(value, THOUSAND * 100):,.0f}"


def _shortcoming(policy: str, action: Action, gaps: list[Gap]) -> str:
    where = ", ".join(market_name(gap.market) for gap in gaps)
    known = sorted({gap.more for gap in gaps if gap.more is not None})
    if any(gap.withheld for gap in gaps):
        change = "Judgements of some of those posts would change that, more of the others would not."
    elif not known:
        change = "More judgements like these would not change that: the model has to rank better."
    else:
        count = f"{known[0]:,}" if len(known) == 1 else f"{known[0]:,} to {known[-1]:,}"
        change = f"About {count} more posts judged to violate it would."
    return f"{policy} does not {_verb(action)} in {where}: {gaps[0].why}. {change}"


def _verb(action: Action) -> str:
    return {Action.AGE_GATE: "set an age gate"}.get(action, str(action))
