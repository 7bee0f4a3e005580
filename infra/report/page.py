"""The card as a page: one screen first, everything else folded below it; on paper nothing is folded."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from infra.report.bars import axis, compared, stacked
from infra.report.effects import DEEDS, shown, unjudged_thousand
from infra.report.findings import Findings
from infra.report.limits import unfit
from infra.report.texts import figure, filled, style
from models.domain.offline_page import offline_page
from models.domain.policy import DEFAULT_MARKET, market_name
from models.evaluation.comparison import Difference
from models.evaluation.effects import THOUSAND, MarketEffects
from models.evaluation.report import Figure, PolicyReport

PLOTS = {
    "precision-recall": "Precision and recall on the test split",
    "reliability": "Whether its probabilities hold",
    "scores": "Scores of what violates and of what does not",
}
ON_SCREEN = ("What it must not be used for",)  # parts of the Markdown that are not repeated below
VERSION = re.compile(r"<!--version-->[a-z0-9 ]*<!--/version-->")  # texts of others are escaped: it is ours


class Row(NamedTuple):
    """One policy of the first screen; `unmeasured` says why it has no figures, `bars` is SVG."""

    title: str
    ours: Figure
    theirs: Figure | None = None
    bars: str = ""
    unmeasured: str = ""


def page(findings: Findings, markdown: str, folder: Path) -> str:
    """HTML of the card that `markdown` says in full; the plots lie in `folder`."""
    beside = {it.name: it for it in findings.comparison.policies} if findings.comparison else {}
    body = filled(
        "page.html.j2",
        findings=findings,
        rows=[_row(findings, it, beside.get(it.policy)) for it in findings.report.policies],
        axis=axis(),
        deeds=DEEDS,
        markets=[
            (it, _deeds(it))
            for it in sorted(
                findings.effects.markets, key=lambda it: (it.market == DEFAULT_MARKET, it.market)
            )
        ],
        unjudged=unjudged_thousand(findings.effects),
        unfit=unfit(findings),
        plots=list(_plots(folder)),
        sections=list(_sections(markdown)),
    )
    return offline_page(f"Model card: {findings.policy_set.title}", body, style())


def _row(findings: Findings, policy: PolicyReport, beside: Difference | None) -> Row:
    # beside a champion, both are shown on the posts that it has not learned from
    known = beside is not None and beside.ours.value is not None
    ours, theirs = (beside.ours, beside.theirs) if beside and known else (policy.average_precision, None)
    title = findings.title(policy.policy)
    if policy.policy in findings.operating_points.not_assessed and ours.value is None:
        return Row(title, ours, unmeasured="not assessed: nobody judged it")
    if ours.value is None:
        return Row(title, ours, unmeasured=f"not measurable: {policy.violations} of {policy.judged} violate")
    label = f"{title}: {figure(ours)}" + (f"; champion {figure(theirs)}" if theirs else "")
    bars = compared(ours, theirs, policy.violations / max(1, policy.judged), label)
    return Row(title, ours, theirs if theirs and theirs.value is not None else None, bars)


def _deeds(market: MarketEffects) -> str:
    """Of a thousand posts, what is done with them, as a bar."""
    done = {it: market.together.per_thousand(it) for it in DEEDS}
    label = ", ".join(f"{word} {shown(done[it])}" for it, word in DEEDS.items())
    return stacked([(str(it), done[it] / THOUSAND) for it in DEEDS], f"{market_name(market.market)}: {label}")


def _plots(folder: Path) -> Iterator[tuple[str, str]]:
    """Titles, and PNG as base64."""
    for name, title in PLOTS.items():
        path = folder / f"{name}.png"
        if path.exists():
            yield title, base64.b64encode(path.read_bytes()).decode()


def _sections(markdown: str) -> Iterator[tuple[str, str]]:
    """The Markdown's parts, by title and HTML; HTML in them is shown as text."""
    from markdown import Markdown
    from markdown.extensions.tables import TableExtension

    reader = Markdown(
        extensions=[TableExtension(use_align_attribute=True)]
    )  # the page's policy knows no inline style
    reader.preprocessors.deregister("html_block")
    reader.inlinePatterns.deregister("html")
    for part in markdown.split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        if title not in ON_SCREEN:
            yield title, reader.reset().convert(body)


def numbered(html: str, version: int) -> str:
    """The same page once the model is registered."""
    return VERSION.sub(f"<!--version-->{version}<!--/version-->", html, count=1)
