"""The card's first screen: the verdict, what it will do, how well it finds violations, what it is not for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from infra.report.bars import axis, compared, stacked
from infra.report.effects import shown
from infra.report.findings import Findings
from infra.report.limits import unfit
from infra.report.numbers import figure, hundredths, number
from models.domain.content import Action
from models.domain.policy import DEFAULT_MARKET, market_name
from models.evaluation.comparison import Difference
from models.evaluation.effects import THOUSAND, MarketEffects
from models.evaluation.report import Figure, PolicyReport

DEEDS = (Action.REMOVE, Action.AGE_GATE, Action.LIMIT, Action.REVIEW, Action.ALLOW)
WORDS = {
    Action.REMOVE: "removed",
    Action.AGE_GATE: "age-gated",
    Action.LIMIT: "limited",
    Action.REVIEW: "to people",
    Action.ALLOW: "allowed",
}
UNREGISTERED = "<!--version-->not registered<!--/version-->"
VERSION = re.compile(r"<!--version-->[a-z0-9 ]*<!--/version-->")  # texts of others are escaped: it is ours


def screen(findings: Findings) -> str:
    """HTML; texts in it are escaped."""
    parts = (
        _head(findings),
        '<div class="screen">',
        *_policies(findings),
        '<div class="aside">',
        *_does(findings),
        *_unfit(findings),
        "</div></div>",
    )
    return "\n".join(parts)


def _head(findings: Findings) -> str:
    kind, sign = ("met", "&#10003; Accepted") if findings.accepted else ("failed", "&#10007; Rejected")
    facts = (
        f"{findings.made_at:%-d %B %Y, %H:%M} UTC",
        f"version: {UNREGISTERED}",
        f"preset <code>{escape(findings.preset)}</code>",
        f"candidate <code>{escape(findings.candidate[:12])}</code>",
    )
    return (
        f"<header><h1>Model card: {escape(findings.policy_set.title)}</h1>"
        f'<p class="facts">{" &middot; ".join(facts)}</p>'
        f'<p class="verdict {kind}">{sign}</p><p class="gist">{" ".join(_gist(findings))}</p></header>'
    )


def _gist(findings: Findings) -> Iterator[str]:
    """What a reader takes along who reads no further."""
    passed = sum(check["verdict"] == "passed" for check in findings.checks)
    told = f"{passed} of {len(findings.checks)} checks passed"
    failed = ", ".join(f"&ldquo;{escape(name.replace('_', ' '))}&rdquo;" for name in findings.failed)
    yield f"{told}; failed: {failed}. It is not registered." if failed else f"{told}."
    yield f"Mean average precision {figure(findings.report.macro_average_precision)}"
    yield f"where chance reaches {number(findings.report.chance.value)};"
    if findings.comparison is None:
        yield "nobody decided before."
        return
    change = findings.comparison.overall.difference
    if change.value is None:
        yield f"the difference to version {findings.comparison.champion} can not be measured."
    else:
        yield f"difference to version {findings.comparison.champion}, the champion: {_signed(change)}."


def _policies(findings: Findings) -> Iterator[str]:
    """One row a policy: its title, the bars, the figures."""
    beside = {it.name: it for it in findings.comparison.policies} if findings.comparison else {}
    yield '<section class="policies"><h2>How well it finds violations</h2>'
    yield f'<p class="legend">{_legend(findings)}</p><div class="chart">'
    for policy in findings.report.policies:
        yield _policy(findings, policy, beside.get(policy.policy))
    yield f'<span></span><span>{axis()}</span><span class="unit">average precision</span></div></section>'


def _legend(findings: Findings) -> str:
    champion = (
        f'<span class="key theirs"></span>champion, version {findings.comparison.champion} '
        if findings.comparison
        else ""
    )
    return (
        f'<span class="key ours"></span>this model {champion}<span class="key whisker"></span>95 % interval '
        '<span class="key chance"></span>chance. 1 means that every violation ranks before everything else.'
    )


def _policy(findings: Findings, policy: PolicyReport, beside: Difference | None) -> str:
    # beside a champion, both are shown on the posts that it has not learned from
    known = beside is not None and beside.ours.value is not None
    ours, theirs = (beside.ours, beside.theirs) if beside and known else (policy.average_precision, None)
    title = f"<span>{escape(findings.title(policy.policy))}</span>"
    if ours.value is None:
        told = f"not measurable: {policy.violations} of {policy.judged} violate"
        if policy.policy in findings.operating_points.not_assessed:
            told = "not assessed: nobody judged it"
        return f'{title}<span class="unmeasured">{told}</span><span></span>'
    label = f"{findings.title(policy.policy)}: {figure(ours)}"
    if theirs:
        label += f"; champion {figure(theirs)}"
    bars = compared(ours, theirs, policy.violations / max(1, policy.judged), label)
    return f'{title}<span>{bars}</span><span class="value">{_both(ours, theirs)}</span>'


def _both(ours: Figure, theirs: Figure | None) -> str:
    first = f"<b>{hundredths(ours.value or 0.0)}</b> <small>{_range(ours)}</small>"
    if theirs is None or theirs.value is None:
        return first
    return f'{first}<br> <small class="before">{hundredths(theirs.value)} {_range(theirs)}</small>'


def _range(found: Figure) -> str:
    return f"{hundredths(found.low or 0.0)}&#8202;&ndash;&#8202;{hundredths(found.high or 0.0)}"


def _does(findings: Findings) -> Iterator[str]:
    """Of a thousand posts, what is done with them, a bar a market, in words below it."""
    effects = findings.effects
    keys = "".join(f'<span class="key {action}"></span>{WORDS[action]} ' for action in DEEDS)
    yield f'<section class="does"><h2>What it will do with 1,000 posts</h2><p class="legend">{keys}</p>'
    yield '<div class="deeds">'
    for market in sorted(effects.markets, key=lambda it: (it.market == DEFAULT_MARKET, it.market)):
        yield _deeds(market)
    yield f"</div><p class='legend'>Counted on {effects.posts:,} judged posts that it did not learn from.</p></section>"


def _deeds(market: MarketEffects) -> str:
    name, done = market_name(market.market), {it: market.together.per_thousand(it) for it in DEEDS}
    told = [f"<b>{shown(done[it])}</b> {WORDS[it]}" for it in DEEDS if done[it] and it is not Action.ALLOW]
    told.append(f"{shown(market.review_minutes)} minutes of people's time")
    passed, most = market.together.passed_per_thousand, market.together.passed_at_most
    if passed is not None and most is not None:
        told.append(f"<b>{shown(passed)}</b> violations pass, at most {shown(most)}")
    label = ", ".join(f"{WORDS[it]} {shown(done[it])}" for it in DEEDS)
    bar = stacked([(str(it), done[it] / THOUSAND) for it in DEEDS], f"{name}: {label}")
    return f"<span>{escape(name)}</span><span>{bar}<small>{', '.join(told)}</small></span>"


def _unfit(findings: Findings) -> Iterator[str]:
    yield '<section class="unfit"><h2>What it must not be used for</h2><ul>'
    yield from (f"<li>{escape(told)}</li>" for told in unfit(findings))
    yield "</ul></section>"


def _signed(found: Figure) -> str:
    """A difference: what is better says so by its sign."""
    value, low, high = (f"{round(it or 0.0, 3) + 0.0:+.3f}" for it in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"
