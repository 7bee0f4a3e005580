"""Score a file of posts with a registered model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from prefect import task

from infra.batch_scoring import PostBatch, ScoreFile, read_posts, writable
from infra.registry import Registry
from infra.settings import Settings
from infra.weights import kept_embeddings
from models.bundle.bundle import Bundle
from models.domain.errors import UserError
from tasks.plumbing.handle import Handle

NAMED = 20  # rejected rows that a summary names


class NothingScoredError(UserError):
    """A file none of whose rows is a post."""


class RejectedRow(Handle):
    row: int
    reason: str
    detail: str


class Scoring(Handle):
    """What was scored; `rejected` counts by reason, `rows` names the first of them."""

    model_version: int
    output: Path
    posts: int
    actions: dict[str, int]
    rejected: dict[str, int]
    rows: tuple[RejectedRow, ...]


@task(name="score")
def score(
    settings: Settings, source: Path, output: Path, model: str, done: Callable[[float], object] | None = None
) -> Scoring:
    """Write the calibrated scores, actions and reasons of every post in `source` to `output`.

    model: champion, challenger or a version number; done: told the share of the file that is scored.
    """
    writable(output)  # said before a model is loaded
    batches = read_posts(source)
    registry = Registry(settings)
    version = registry.resolve(model)
    bundle = Bundle.load(registry.fetch(version), settings.threads, kept_embeddings(settings))
    actions: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    rows: list[RejectedRow] = []
    with ScoreFile(output, bundle.policies) as file:
        for batch in batches:
            actions.update(_score(bundle, batch, file))
            rejected.update(bad.reason for bad in batch.bad)
            named = batch.bad[: NAMED - len(rows)]
            rows += [RejectedRow(row=bad.row, reason=bad.reason, detail=bad.detail) for bad in named]
            if done:
                done(batch.done)
        if rejected and not actions:
            first = rows[0]
            raise NothingScoredError(
                f"none of the {rejected.total()} rows of {str(source)!r} is a post; row {first.row}: {first.reason}"
            )
    return Scoring(
        model_version=version.version,
        output=output,
        posts=actions.total(),
        actions=dict(actions),
        rejected=dict(rejected),
        rows=tuple(rows),
    )


def _score(bundle: Bundle, batch: PostBatch, file: ScoreFile) -> list[str]:
    if not batch.posts:
        return []
    ids, texts, images, markets, videos = zip(*batch.posts, strict=True)
    scores, unread = bundle.read(texts, images, videos)
    actions, reasons = bundle.decide(scores, markets)
    file.write(ids, bundle.told(scores), actions, reasons, unread)
    return [str(action) for action in actions]
