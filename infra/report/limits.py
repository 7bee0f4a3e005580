"""What a model must not be used for, as far as its numbers tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.report.findings import Findings
from models.domain.content import Action, Part
from models.domain.policy import DEFAULT_MARKET, market_name

ALL = "every market"
MAX_NAMES = 6  # names in a sentence


def unfit(findings: Findings) -> list[str]:
    """Sentences for the card's first screen, the gravest first."""
    return [
        *_unmeasured(findings),
        *_unread(findings),
        *_idle(findings),
        *_weak(findings),
        *_untried(findings),
    ]


def idle_by_market(findings: Findings) -> dict[str, tuple[str, ...]]:
    """Of each market, the policies on which only people act; one entry for every market where they are the same."""
    points = findings.operating_points
    found = {market: points.without_automatic_action(market) for market in points.markets}
    if len(set(found.values())) == 1:
        found = {ALL: next(iter(found.values()))}
    return {market: idle for market, idle in found.items() if idle}


def pooled(findings: Findings) -> list[str]:
    """Markets whose thresholds all come from the judgements of all markets together."""
    points = findings.operating_points
    return [
        market
        for market in points.markets
        if market != DEFAULT_MARKET
        and all(point.basis == "pooled" for point in points.of(market) if point.action is not Action.REVIEW)
    ]


def weak_slices(findings: Findings) -> list[str]:
    """Where it ranks worse than overall beyond noise."""
    overall = findings.report.macro_average_precision.low
    return [
        f"{part.dimension} {part.name}"
        for part in findings.report.slices
        if overall is not None
        and part.average_precision.high is not None
        and part.average_precision.high < overall
    ]


def _unmeasured(findings: Findings) -> Iterator[str]:
    unassessed = findings.operating_points.not_assessed
    if unassessed:
        yield f"Anything about {_titles(findings, unassessed)}: nobody judged it, and it is not assessed."
    unknown = [
        it.policy
        for it in findings.report.policies
        if it.average_precision.value is None and it.policy not in unassessed
    ]
    if unknown:
        yield f"Anything about {_titles(findings, unknown)}: the test posts do not show whether it can tell."


def _unread(findings: Findings) -> Iterator[str]:
    blind = [f"{part}s" for part in Part if part not in findings.modalities]
    if blind:
        yield f"What {_listed(blind, 'or')} show: it does not look at them."


def _idle(findings: Findings) -> Iterator[str]:
    unknown = {it.policy for it in findings.report.policies if it.average_precision.value is None}
    by_market = idle_by_market(findings)
    everywhere = set.intersection(*map(set, by_market.values())) if _in_all(findings, by_market) else set()
    where = [(ALL, everywhere), *((market, set(idle) - everywhere) for market, idle in by_market.items())]
    for market, idle in where:
        left = [policy for policy in findings.operating_points.policies if policy in idle - unknown]
        if len(left) == len(findings.operating_points.policies):
            yield f"Acting without people in {market_name(market)}: no threshold is proven for any policy."
        elif left:
            yield f"Acting without people in {market_name(market)} on {_titles(findings, left)}."


def _in_all(findings: Findings, by_market: dict[str, tuple[str, ...]]) -> bool:
    return ALL in by_market or set(by_market) == set(findings.operating_points.markets)


def _weak(findings: Findings) -> Iterator[str]:
    if weak := weak_slices(findings):
        yield f"Posts of {_listed(weak)} on its own: it is worse there, beyond noise."


def _untried(findings: Findings) -> Iterator[str]:
    for dimension in ("language", "market"):
        tried = [
            part.name for part in findings.report.slices if part.dimension == dimension and part.policies
        ]
        if tried:
            yield f"{dimension.capitalize()}s other than {_listed(tried)}: it was not measured there."


def _titles(findings: Findings, policies: Sequence[str]) -> str:
    return _listed([findings.title(policy) for policy in policies])


def _listed(names: Sequence[str], word: str = "and") -> str:
    if len(names) > MAX_NAMES:
        return f"{', '.join(names[: MAX_NAMES - 1])} and {len(names) - MAX_NAMES + 1} more"
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
