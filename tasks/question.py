"""What a person needs to decide an approval, the decisive first: on Prefect's page, in a box that may be narrow."""

from __future__ import annotations

from infra.markdown import cells, plain
from infra.markdown import link as link_to
from infra.registry import Registry
from infra.settings import Settings
from models.evaluation.comparison import Comparison, Difference
from tasks.evaluate import Evaluation
from tasks.gate import Check
from tasks.page import run_url, version_url
from tasks.register import Release

BETTER, WORSE, ALIKE = "▲", "▼", "≈"  # than the champion, beyond noise; nothing that the posts could tell
HEAD = ("| change | average precision of | candidate | champion |", "|---:|---|---:|---:|")


def question(settings: Settings, release: Release, evaluation: Evaluation, asked: str, hours: float) -> str:
    """Markdown: links, the canary, what the model will do, candidate beside champion, gates."""
    effects = evaluation.report / "effects.md"
    parts = [
        f"## {asked[0].upper()}{asked[1:]}",
        f"Answer within {hours:g} hours.",
        _links(Registry(settings), release),
        release.reason and f"Canary: {plain(release.reason)}",
        effects.is_file() and f"### What it will do\n\n{effects.read_text()}",
        _beside(evaluation),
        _gates(evaluation.gates),
    ]
    return "\n\n".join(part for part in parts if part)


def _links(registry: Registry, release: Release) -> str:
    card = run_url(registry, release.run_id, "evaluation/model-card.html")
    pages = {
        "Model card": card,
        "MLflow run": run_url(registry, release.run_id),
        "Registered version": version_url(registry, release.version),
    }
    return ", ".join(link_to(name, url) for name, url in pages.items() if url)


def _beside(evaluation: Evaluation) -> str:
    """All posts, then every policy; of the slices those alone that are worse: they are what to look at."""
    file = evaluation.report / "comparison.json"
    if not file.is_file():
        return (evaluation.report / "beside.md").read_text()
    found = Comparison.model_validate_json(file.read_text())
    shown = [found.overall, *found.policies, *(part for part in found.slices if _sign(part) == WORSE)]
    posts = (
        f"On the same {found.posts:,} test posts. {BETTER} better, {WORSE} worse, {ALIKE} no more than noise."
    )
    return "\n".join(
        [f"### Beside the champion, version {found.champion}", "", posts, "", *HEAD, *map(_row, shown)]
    )


def _row(part: Difference) -> str:
    value = part.difference.value
    if value is None:
        return cells("", part.name, "too few judgements", "")
    return cells(f"{_sign(part)} {value:+.3f}", part.name, f"{part.candidate:.3f}", f"{part.champion:.3f}")


def _sign(part: Difference) -> str:
    if part.credible is None or part.least is None:
        return ALIKE
    return WORSE if part.credible < 0 else BETTER if part.least > 0 else ALIKE


def _gates(checks: tuple[Check, ...]) -> str:
    """Failed ones first."""
    passed = sum(check.passed for check in checks)
    rows = [
        cells("passed" if check.passed else "FAILED", check.gate, check.subject, check.detail)
        for check in sorted(checks, key=lambda check: check.passed)
    ]
    head = ["| | gate | of | what it says |", "|---|---|---|---|"]
    return "\n".join([f"### Gates: {passed} of {len(checks)} passed", "", *head, *rows])
