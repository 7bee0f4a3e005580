"""The card as a page: one screen first, everything else folded below it; on paper nothing is folded."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path

from infra.report.findings import Findings
from infra.report.mistakes import Seen
from infra.report.screen import VERSION, screen
from infra.report.style import STYLE
from models.domain.offline_page import offline_page

PLOTS = {
    "precision-recall": "Precision and recall on the test split",
    "reliability": "Whether its probabilities hold",
    "scores": "Scores of what violates and of what does not",
}
ABOUT = (
    "Test posts on which it was surest of the wrong answer: cost is the policy's severity times that confidence. "
    "Near-duplicates stand for one. A click on a post shows it; none is printed."
)
ON_SCREEN = ("What it must not be used for",)  # parts of the Markdown that are not repeated below


def page(findings: Findings, markdown: str, folder: Path) -> str:
    """HTML of the card that `markdown` says in full; the plots lie in `folder`."""
    parts = (screen(findings), *_plots(folder), *_mistakes(findings), *_sections(markdown))
    return offline_page(f"Model card: {findings.policy_set.title}", "\n".join(parts), STYLE)


def _plots(folder: Path) -> Iterator[str]:
    for name, title in PLOTS.items():
        path = folder / f"{name}.png"
        if path.exists():
            source = base64.b64encode(path.read_bytes()).decode()
            told = f"{title}, one plot a policy"
            yield _folded(
                title,
                f'<div class="plots"><img class="plot" alt="{told}" src="data:image/png;base64,{source}"></div>',
            )


def _mistakes(findings: Findings) -> Iterator[str]:
    if not findings.mistakes:
        return
    body = [f"<p>{ABOUT}</p>"]
    for kind, found in groupby(findings.mistakes, key=lambda it: it.mistake.kind):
        body.append(f"<h3>{'False alarms' if kind == 'false alarm' else 'Misses'}</h3>")
        body += [_mistake(findings, it) for it in found]
    yield _folded(f"Its {len(findings.mistakes)} worst mistakes", "\n".join(body))


def _mistake(findings: Findings, it: Seen) -> str:
    """One behind its blur: a box that is ticked shows it, for a mouse and for a keyboard."""
    wrong, picture = it.mistake, f'<img alt="" src="{it.source}">' if it.picture else ""
    judged = "judged to violate" if wrong.kind == "miss" else "judged not to violate"
    told = f"score {wrong.score:.2f}, {judged}; {it.market}, {it.language}"
    return (
        f'<div class="mistake"><p><b>{escape(findings.title(wrong.policy))}</b>'
        f"<small>cost {wrong.cost:.1f}: severity {wrong.severity}, {escape(told)}</small>"
        f"<small><code>{escape(it.post_id)}</code></small></p>"
        f'<label class="veil"><input type="checkbox" aria-label="show this post">'
        f'<span class="said">{picture}<span>{escape(it.text) or "no text"}</span></span></label></div>'
    )


def _sections(markdown: str) -> Iterator[str]:
    """The Markdown's parts, each folded; HTML in them is shown as text."""
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
            yield _folded(escape(title), reader.reset().convert(body))


def _folded(title: str, body: str) -> str:
    return f"<details><summary><h2>{title}</h2></summary>\n{body}\n</details>"


def numbered(html: str, version: int) -> str:
    """The same page once the model is registered."""
    return VERSION.sub(f"<!--version-->{version}<!--/version-->", html, count=1)
