"""The model card (Mitchell et al., 2019) in Markdown and HTML; every sentence in it follows from a number."""

from __future__ import annotations

from typing import Any

from infra.markdown import code, plain
from infra.report.effects import effects_table
from infra.report.findings import Findings
from infra.report.functional import functional_table
from infra.report.limits import idle_by_market, pooled, unfit, weak_slices
from infra.report.numbers import figure, number
from infra.report.templates import CARD, COMPARED, GATES, MEASURED
from infra.report.unjudged import unjudged_notes
from models.domain.policy import DEFAULT_MARKET, market_name
from models.evaluation.comparison import Comparison
from models.evaluation.prevalence import LEAST_UNJUDGED
from models.evaluation.report import Figure

WIDE = 0.2  # width of an interval from which a figure is called uncertain


def gate_table(findings: Findings) -> str:
    """Every check with value, bound and verdict, as a Markdown table."""
    return _render(GATES, findings)


def beside_table(findings: Findings) -> str:
    """Candidate beside champion: overall, each policy and each slice, as a Markdown table."""
    found = findings.comparison
    if found is None:
        return "A first champion: there is nobody to compare it with.\n\n" + _filled(
            MEASURED, findings=findings.report
        )
    head = f"Candidate beside champion (version {found.champion}) on the same {found.posts} test posts:"
    return f"{head}\n\n{comparison_table(found)}"


def comparison_table(comparison: Comparison) -> str:
    """Overall, each policy and each slice, with the difference and what the posts do not rule out."""
    return _filled(COMPARED, findings=comparison)


def card(findings: Findings) -> str:
    """The card in Markdown."""
    functional = _Code(functional_table(findings.functional)) if findings.functional else ""
    effects = _Code(effects_table(findings.effects, whole=True))
    return _render(CARD, findings, effects=effects, functional=functional)


def limitations(findings: Findings) -> list[str]:
    """What the numbers warn of."""
    report, unassessed = findings.report, findings.operating_points.not_assessed
    found = [
        f"No automatic action in {market_name(market)}, people decide: {', '.join(left)}. The reasons stand with the "
        "operating points."
        for market, idle in idle_by_market(findings).items()
        if (left := [policy for policy in idle if policy not in unassessed])
    ]
    if unassessed:
        found.append(f"Not assessed, because nobody judged a post for them: {', '.join(unassessed)}.")
    if unknown := [
        it.policy
        for it in report.policies
        if it.average_precision.value is None and it.policy not in unassessed
    ]:
        found.append(
            f"The test split cannot measure: {', '.join(unknown)}. It lacks violations or compliant posts."
        )
    if vague := [p.policy for p in report.policies if _width(p.average_precision) > WIDE]:
        found.append(
            f"Average precision is uncertain by more than {WIDE}: {', '.join(vague)}. More judgements would tell."
        )
    if borrowing := pooled(findings):
        found.append(
            f"Thresholds come from all markets together for want of judgements of their own: {', '.join(borrowing)}."
        )
    if weak := weak_slices(findings):
        found.append(f"Average precision is lower beyond noise than overall on: {', '.join(weak)}.")
    outside = findings.effects.unjudged
    if outside is None or outside.posts < LEAST_UNJUDGED:
        found.append("Review shares hold for posts like those that were judged; live traffic may differ.")
    if outside is not None:
        found += unjudged_notes(outside)
    return found


def _width(figure: Figure) -> float:
    return 0.0 if figure.low is None or figure.high is None else figure.high - figure.low


def _render(template: str, findings: Findings, **values: Any) -> str:
    told = {"limitations": limitations(findings), "unfit": unfit(findings), "default": DEFAULT_MARKET}
    return _filled(template, findings=findings, **told, **values)


def _filled(template: str, **values: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - not HTML: `finalize` escapes every value for Markdown
        finalize=lambda value: value if isinstance(value, _Code) else plain(value),
    )
    environment.filters |= {
        "figure": figure, "number": number, "code": _Code.of, "capitalise": _capitalise, "market": market_name,
    }  # fmt: skip
    return environment.from_string(template).render(**values)


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


class _Code(str):
    """Markdown that is escaped already, as a code span is."""

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> _Code:
        return cls(code(value))
