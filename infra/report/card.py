"""The model card (Mitchell et al., 2019) in Markdown and HTML; every sentence in it follows from a number."""

from __future__ import annotations

from infra.report.effects import effects_table
from infra.report.findings import Findings
from infra.report.functional import functional_table
from infra.report.limits import idle_by_market, pooled, unfit, weak_slices
from infra.report.texts import Escaped, filled
from infra.report.unjudged import unjudged_notes
from models.domain.policy import DEFAULT_MARKET, market_name
from models.evaluation.comparison import Comparison
from models.evaluation.prevalence import LEAST_UNJUDGED
from models.evaluation.report import Figure

WIDE = 0.2  # width of an interval from which a figure is called uncertain


def gate_table(findings: Findings) -> str:
    """Every check with value, bound and verdict, as a Markdown table."""
    return filled("gates.md.j2", findings=findings)


def beside_table(findings: Findings) -> str:
    """Candidate beside champion: overall, each policy and each slice, as a Markdown table."""
    found = findings.comparison
    if found is None:
        return "A first champion: there is nobody to compare it with.\n\n" + filled(
            "measured.md.j2", findings=findings.report
        )
    head = f"Candidate beside champion (version {found.champion}) on the same {found.posts} test posts:"
    return f"{head}\n\n{comparison_table(found)}"


def comparison_table(comparison: Comparison) -> str:
    """Overall, each policy and each slice, with the difference and what the posts do not rule out."""
    return filled("compared.md.j2", findings=comparison)


def card(findings: Findings) -> str:
    """The card in Markdown."""
    functional = Escaped(functional_table(findings.functional)) if findings.functional else ""
    return filled(
        "card.md.j2",
        findings=findings,
        effects=Escaped(effects_table(findings.effects, whole=True)),
        functional=functional,
        limitations=limitations(findings),
        unfit=unfit(findings),
        default=DEFAULT_MARKET,
    )


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
