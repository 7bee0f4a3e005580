"""The model card (Mitchell et al., 2019) in Markdown and HTML; every sentence in it follows from a number."""

from __future__ import annotations

from typing import Any

from infra.markdown import code, plain
from infra.report.effects import effects_table
from infra.report.findings import Findings
from infra.report.templates import CARD, COMPARED, GATES, MEASURED
from models.content import Action
from models.evaluation.comparison import Comparison
from models.evaluation.measurement import Figure
from models.offline_page import offline_page
from models.policy import DEFAULT_MARKET

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
    return _render(CARD, findings, effects=_Code(effects_table(findings.effects, whole=True)))


def page(markdown: str) -> str:
    """Markdown as a page of its own; HTML in it is shown as text."""
    from markdown import Markdown

    reader = Markdown(extensions=["tables"])
    reader.preprocessors.deregister("html_block")
    reader.inlinePatterns.deregister("html")
    return offline_page("Model card", reader.convert(markdown))


def limitations(findings: Findings) -> list[str]:
    """What the numbers warn of."""
    points, report = findings.operating_points, findings.report
    found = []
    if points.not_assessed:
        found.append(
            f"Not assessed, because nobody judged a post for them: {', '.join(points.not_assessed)}."
        )
    if idle := [it for it in points.without_automatic_action() if it not in points.not_assessed]:
        found.append(
            f"No automatic action, people decide: {', '.join(idle)}. The reasons stand with the operating points."
        )
    unseen = points.not_assessed
    if unknown := [
        p.policy for p in report.policies if p.average_precision.value is None and p.policy not in unseen
    ]:
        found.append(
            f"The test split cannot measure: {', '.join(unknown)}. It lacks violations or compliant posts."
        )
    if vague := [p.policy for p in report.policies if _width(p.average_precision) > WIDE]:
        found.append(
            f"Average precision is uncertain by more than {WIDE}: {', '.join(vague)}. More judgements would tell."
        )
    if pooled := _pooled(findings):
        found.append(
            f"Thresholds come from all markets together for want of judgements of their own: {', '.join(pooled)}."
        )
    if weak := _weak_slices(findings):
        found.append(f"Average precision is lower beyond noise than overall on: {', '.join(weak)}.")
    found.append("Review shares hold for posts like those that were judged; live traffic may differ.")
    return found


def _weak_slices(findings: Findings) -> list[str]:
    overall = findings.report.macro_average_precision.low
    return [
        f"{part.dimension} {part.name}"
        for part in findings.report.slices
        if overall is not None
        and part.average_precision.high is not None
        and part.average_precision.high < overall
    ]


def _pooled(findings: Findings) -> list[str]:
    points = findings.operating_points
    return [
        market
        for market in points.markets
        if market != DEFAULT_MARKET
        and all(point.basis == "pooled" for point in points.of(market) if point.action is not Action.REVIEW)
    ]


def _width(figure: Figure) -> float:
    return 0.0 if figure.low is None or figure.high is None else figure.high - figure.low


def _render(template: str, findings: Findings, **values: Any) -> str:
    return _filled(
        template, findings=findings, limitations=limitations(findings), default=DEFAULT_MARKET, **values
    )


def _filled(template: str, **values: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - not HTML: `finalize` escapes every value for Markdown
        finalize=lambda value: value if isinstance(value, _Code) else plain(value),
    )
    environment.filters |= {"figure": _figure, "number": _number, "code": _Code.of, "capitalise": _capitalise}
    return environment.from_string(template).render(**values)


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "not measurable"
    return f"{figure.value:.3g} ({_number(figure.low)} to {_number(figure.high)})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


class _Code(str):
    """Markdown that is escaped already, as a code span is."""

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> _Code:
        return cls(code(value))
