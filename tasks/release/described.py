"""What a person needs to decide an approval, the decisive first: on Prefect's page, in a box that may be narrow."""

from __future__ import annotations

from infra.markdown import cells, plain
from infra.markdown import link as link_to
from infra.registry import Registry
from infra.settings import Settings
from models.evaluation.comparison import Comparison, Difference
from tasks.gates.base.gate import Check
from tasks.plumbing.artifacts import run_url, version_url
from tasks.release.evaluate import Evaluation
from tasks.release.register import Release

BETTER, WORSE, ALIKE = "▲", "▼", "≈"  # than the champion, beyond noise; nothing that the posts could tell
TABLE_HEAD = ("| change | average precision of | candidate | champion |", "|---:|---|---:|---:|")


def described(settings: Settings, release: Release, evaluation: Evaluation, asked: str, hours: float) -> str:
    """Markdown. Of the box that shows it a few lines are seen at once: links, verdict and deeds come first."""
    effects, comparison = evaluation.report / "effects.md", _comparison(evaluation)
    parts = [
        f"**{asked[0].upper()}{asked[1:]}.** Answer within {hours:g} hours. {pointer(Registry(settings), release)}",
        _verdict(evaluation, comparison),
        f"{evaluation.effects.told[0].upper()}{evaluation.effects.told[1:]}.",
        release.reason and f"Canary: {plain(release.reason)}",
        effects.is_file() and f"### What this champion will do\n\n{effects.read_text()}",
        _beside(comparison) if comparison else (evaluation.report / "beside.md").read_text(),
        _gates(evaluation.gates),
    ]
    return "\n\n".join(part for part in parts if part)


def pointer(registry: Registry, release: Release) -> str:
    """Where there is more; empty where MLflow has no address."""
    card = run_url(registry, release.run_id, "evaluation/model-card.html")
    pages = {
        "Model card": card,
        "MLflow run": run_url(registry, release.run_id),
        "Registered version": version_url(registry, release.version),
    }
    return ", ".join(link_to(name, url) for name, url in pages.items() if url)


def _comparison(evaluation: Evaluation) -> Comparison | None:
    """None for a first champion."""
    file = evaluation.report / "comparison.json"
    return Comparison.model_validate_json(file.read_text()) if file.is_file() else None


def _verdict(evaluation: Evaluation, found: Comparison | None) -> str:
    """As in: 0.412 in place of 0.107 (▲ +0.305); 3 policies better, none worse; 7 of 7 gates passed."""
    passed = f"{sum(check.passed for check in evaluation.gates)} of {len(evaluation.gates)} checks passed"
    if found is None:
        return f"A first champion: there is nobody to compare it with; {passed}."
    value, signs = found.overall.difference.value, [_sign(part) for part in found.policies]
    counts = ", ".join(
        f"{signs.count(sign) or 'none'} {word}" for sign, word in ((BETTER, "better"), (WORSE, "worse"))
    )
    if value is None:
        return f"The test posts can not tell it from the champion; {passed}."
    return (
        f"Average precision {found.overall.candidate:.3f} in place of {found.overall.champion:.3f} "
        f"({_sign(found.overall)} {value:+.3f}); of {len(signs)} policies {counts}; {passed}."
    )


def _beside(found: Comparison) -> str:
    """All posts, then every policy; of the slices those alone that are worse: they are what to look at."""
    shown = [found.overall, *found.policies, *(part for part in found.slices if _sign(part) == WORSE)]
    posts = (
        f"On the same {found.posts:,} test posts. {BETTER} better, {WORSE} worse, {ALIKE} no more than noise."
    )
    return "\n".join(
        [f"### Beside the champion, version {found.champion}", "", posts, "", *TABLE_HEAD, *map(_row, shown)]
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
    """Failed ones first, as a list: a table's cells would not break their lines."""
    passed = sum(check.passed for check in checks)
    rows = [
        f"- **{check.verdict}** {plain(check.gate)}, {plain(check.subject)}: {plain(check.detail)}"
        for check in sorted(checks, key=lambda check: check.passed)
    ]
    return "\n".join([f"### Gates: {passed} of {len(checks)} passed", "", *rows])
