"""Two registered versions on the same posts, side by side."""

from __future__ import annotations

import tempfile
from pathlib import Path

from infra.lake import open_lake
from infra.registry import RegisteredVersion, Registry
from infra.registry.runs import LifecycleRun
from infra.report import comparison_table
from infra.settings import Settings
from infra.weights import kept_embeddings
from models.evaluation.comparison import Comparison, compare
from models.evaluation.predictions import Scored, learned_posts, score_splits
from models.inference.scorer import Scorer


def compare_versions(settings: Settings, one: str, other: str) -> tuple[Comparison, str]:
    """The newer of two versions beside the older, on the newer one's test posts that the older has not learned.

    Also as Markdown, which becomes an artifact of the newer one's run. Versions are numbers or aliases.
    """
    registry, lake = Registry(settings), open_lake(settings)
    older, newer = sorted((registry.resolve(one), registry.resolve(other)), key=lambda it: it.version)
    uri = lake.snapshot(newer.snapshot)
    learned = learned_posts(lake.snapshot(older.snapshot), lake.storage_options)
    ours, theirs = (scored_by(registry, version, uri) for version in (newer, older))
    found = compare(ours, theirs, learned, version=older.version, seed=settings.seed)
    posts = f"{found.posts} test posts of snapshot {newer.snapshot[:12]}"
    head = f"Version {newer.version} (candidate) beside version {older.version} (champion) on {posts}:"
    markdown = f"{head}\n\n{comparison_table(found)}"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"version-{older.version}.md").write_text(markdown)
        LifecycleRun(registry, newer.run_id).artifacts(Path(folder), "compare")
    return found, markdown


def scored_by(registry: Registry, version: RegisteredVersion, uri: str) -> Scored:
    """A snapshot's test posts as a registered version scores them."""
    settings = registry.settings
    kept = kept_embeddings(settings)
    scorer = Scorer.load(registry.fetch(version), threads=settings.threads, kept=kept)
    return score_splits(scorer, uri, ["test"], settings.options_for(uri))
