"""Score a file of posts for policies that nobody has judged by: a backbone, the policies' words, and a few examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from prefect import task

from infra.batch_scoring import BareScoreFile, Examples, PostRow, examples_of, read_posts, writable
from infra.lake import open_lake
from infra.settings import Settings
from infra.weights import NoWeightsError, fetch
from models.domain.errors import UserError
from models.domain.nearest import choose
from models.domain.policy import Policy
from models.policies import POLICY_SETS
from models.prompting.embedding import Embedded, Embedder, Floats
from models.prompting.few_shot import FewShot
from models.prompting.in_context import InContext, Shot, Wording, reads_examples
from models.prompting.zero_shot import ZeroShot, probabilities
from tasks.plumbing.handle import Handle
from tasks.scoring.score import NAMED, NothingScoredError, RejectedRow

SEEN = ("image",)  # beside text, by backbones
Logits = Callable[[list[PostRow]], Floats]  # of N posts to [N, P]


class NoSuchPolicyError(UserError):
    """A policy that its set does not have."""


class Asked(Handle):
    """For which policies, from which backbone (an address of weights), and by how many judged posts of the lake that
    violate, and as many that do not.
    """

    policies: tuple[Policy, ...]
    backbone: str
    shots: int = 0


class WordScoring(Handle):
    """What was scored; `rejected` counts by reason, `rows` names the first of them."""

    backbone: str
    output: Path
    policies: tuple[str, ...]
    shots: int
    posts: int
    rejected: dict[str, int]
    rows: tuple[RejectedRow, ...]


@task(name="zero-shot")
def zero_shot(
    settings: Settings,
    source: Path,
    output: Path,
    asked: Asked,
    done: Callable[[float], object] | None = None,
) -> WordScoring:
    """Write a score for each policy of every post in `source` to `output`.

    done: told the share of the file that is scored.
    """
    writable(output)  # said before weights are fetched
    batches = read_posts(source, SEEN)
    weights = fetch(settings, asked.backbone)
    if weights is None:
        raise NoWeightsError("no backbone is named; make one with `moderato pretrain`")
    judge = _in_context if asked.shots and reads_examples(weights.folder) else _embedding
    logits = judge(settings, weights.folder, asked)
    keys = tuple(policy.key for policy in asked.policies)
    rejected: Counter[str] = Counter()
    rows: list[RejectedRow] = []
    count = 0
    with BareScoreFile(output, keys) as file:
        for batch in batches:
            if batch.posts:
                file.add([post.post_id for post in batch.posts], probabilities(logits(batch.posts)))
            count += len(batch.posts)
            rejected.update(bad.reason for bad in batch.bad)
            named = batch.bad[: NAMED - len(rows)]
            rows += [RejectedRow(row=bad.row, reason=bad.reason, detail=bad.detail) for bad in named]
            if done:
                done(batch.done)
        if rejected and not count:
            raise NothingScoredError(
                f"none of the {rejected.total()} rows of {str(source)!r} is a post; row {rows[0].row}: {rows[0].reason}"
            )
    return WordScoring(
        backbone=asked.backbone,
        output=output,
        policies=keys,
        shots=asked.shots,
        posts=count,
        rejected=dict(rejected),
        rows=tuple(rows),
    )


def chosen(policy_set: str, policy: str = "") -> tuple[Policy, ...]:
    """One policy of a set, or all of them; raises UnknownEntryError, NoSuchPolicyError."""
    known = POLICY_SETS[policy_set]
    if policy and policy not in known.keys:
        raise NoSuchPolicyError(f"{known.name} has no policy {policy!r}; {choose(policy, known.keys)}")
    return tuple(entry for entry in known.policies if policy in {"", entry.key})


def embedded(embedder: Embedder, posts: list[PostRow]) -> Embedded:
    """Their texts and pictures."""
    return embedder.posts([post.text for post in posts], [post.image for post in posts])


def _embedding(settings: Settings, folder: Path, asked: Asked) -> Logits:
    """By what is near in the space that texts and pictures share."""
    embedder = Embedder.load(folder)
    scorers = [_scorer(settings, embedder, policy, asked.shots) for policy in asked.policies]

    def logits(posts: list[PostRow]) -> Floats:
        seen = embedded(embedder, posts)
        return np.stack([scorer.logits(seen) for scorer in scorers], axis=1)

    return logits


def _in_context(settings: Settings, folder: Path, asked: Asked) -> Logits:
    """By reading the examples before each post, of a backbone that can."""
    lake = open_lake(settings)
    reader = InContext.load(folder)
    known = [examples_of(lake, policy.key, asked.shots) for policy in asked.policies]

    def shots(examples: Examples) -> list[Shot]:
        pairs = zip(examples.violating, examples.compliant, strict=True)
        return [
            Shot(reader.shown(post.text, post.image), violates)
            for pair in pairs
            for post, violates in zip(pair, (True, False), strict=True)
        ]

    told = [
        (reader.asking(Wording.of(policy)), shots(examples))
        for policy, examples in zip(asked.policies, known, strict=True)
    ]

    def logits(posts: list[PostRow]) -> Floats:
        shown = [reader.shown(post.text, post.image) for post in posts]
        return np.stack([asks.log_odds(shown, before).numpy() for asks, before in told], axis=1)

    return logits


def _scorer(settings: Settings, embedder: Embedder, policy: Policy, shots: int) -> ZeroShot | FewShot:
    words = ZeroShot.of(embedder, policy)
    if not shots:
        return words
    examples = examples_of(open_lake(settings), policy.key, shots)
    return FewShot(words, embedded(embedder, examples.violating), embedded(embedder, examples.compliant))
