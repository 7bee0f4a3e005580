"""What posts without judgements are worth: encoders that learned from them see with few labels, or with none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import lance
import numpy as np
import pytest

from infra.batch_scoring import Examples, examples_of
from infra.lake import Lake
from infra.simulator import simulate
from infra.simulator.pictures import NAMES
from infra.simulator.platform import Batch, Platform
from infra.simulator.scenarios import IMAGE_SHARES, NEUTRAL
from infra.simulator.vocabulary import Vocabulary
from infra.snapshots import cut_corpus, cut_snapshot, pin_posts, pin_versions
from models.domain.policy import Policy
from models.evaluation.metrics import average_precision
from models.inference.scorer import Scorer
from models.policies import POLICY_SETS
from models.pretraining.pretrain import pretrain
from models.prompting.embedding import Embedder
from models.prompting.few_shot import FewShot
from models.prompting.zero_shot import ZeroShot
from models.training.fit import fit
from models.training.presets import job_on
from tasks.scoring.zero_shot import embedded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SEED, POSTS, WEEKS = 1, 9000, 3
SHOTS = 8
JUDGED = 0.01  # share of the judgements that are kept
PICTURED = "graphic_content"  # the policy that pictures alone violate
POLICY_SET = POLICY_SETS["community_guidelines"]
SMALL = "clip,width=64,layers=2,image_size=32,patch_size=8,max_tokens=48,vocabulary=6000,epochs=1"
UNLABELLED = f"{SMALL},batch_size=256,minimum_steps=350,learning_rate=2e-3,averaging=0.95,crop_area=1"
LABELLED = f"{SMALL},minimum_steps=150"


@dataclass(frozen=True)
class Pretrained:
    """`later` is a week in which captions do not say what pictures show; nothing was trained on it."""

    folder: Path
    snapshot: str
    backbone: Path
    examples: Examples
    later: Batch

    def violates(self, policy: str = PICTURED) -> np.ndarray:
        return np.array([policy in row for row in self.later.truth["policies"].to_pylist()])

    @property
    def texts(self) -> list[str | None]:
        return self.later.posts["text"].to_pylist()

    @property
    def images(self) -> list[bytes | None]:
        return self.later.posts["image"].to_pylist()

    def trained(self, weights: Path | None) -> dict[str, float]:
        """Average precision by policy, of a model that learned from one in a hundred judgements."""
        folder = self.folder / ("begun" if weights else "scratch")
        made = fit(job_on(self.snapshot, preset=LABELLED, seed=0, folder=folder, weights=weights, threads=1))
        scorer = Scorer.load(made.model, threads=1)
        logits = scorer.logits(self.texts, self.images)
        return {policy: self.precision(logits[:, i], policy) for i, policy in enumerate(scorer.policies)}

    def precision(self, scores: np.ndarray, policy: str = PICTURED) -> float:
        once = np.ones((len(scores), 1), dtype=np.uint8)
        return float(average_precision(self.violates(policy), scores, once)[0])


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory) -> Pretrained:
    folder = tmp_path_factory.mktemp("pretrained")
    lake = Lake(str(folder / "lake"))
    simulate(lake, posts=POSTS, weeks=WEEKS, seed=SEED, described=1.0)
    examples = examples_of(lake, PICTURED, SHOTS)
    judgements = lake.judgements.open().to_table()
    kept = judgements.filter(np.random.default_rng(0).random(len(judgements)) < JUDGED)
    lance.write_dataset(kept, lake.judgements.uri, mode="overwrite")
    corpus = cut_corpus(lake, pin_posts(lake), POLICY_SET, 0, folder / "work")
    snapshot = cut_snapshot(lake, pin_versions(lake), POLICY_SET, 0, folder / "work")
    made = pretrain(
        job_on(corpus.uri, preset=UNLABELLED, seed=0, folder=folder / "run", threads=1),
        objectives=["contrastive"],
    )
    later = Platform(SEED).block(WEEKS + 1, 0)
    return Pretrained(folder, snapshot.uri, made.backbone, examples, later)


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The policy in the platform's own words: what it forbids to show, and what it allows."""
    words, forbidden = Vocabulary(SEED), IMAGE_SHARES[PICTURED][1]
    named = {drawing: words.names(NAMES.index(drawing)) for drawing in (forbidden, *NEUTRAL)}
    return POLICY_SET.policies[POLICY_SET.keys.index(PICTURED)].model_copy(
        update={
            "title": named[forbidden][0],
            "definition": " ".join(named[forbidden]),
            "violating": named[forbidden],
            "compliant": tuple(named[drawing][0] for drawing in NEUTRAL),
        }
    )


@pytest.fixture(scope="module")
def shots(pretrained, policy) -> tuple[float, float]:
    """Average precision without a judgement, and with eight examples of either side."""
    embedder = Embedder.load(pretrained.backbone)
    posts = embedder.posts(pretrained.texts, pretrained.images)
    words = ZeroShot.of(embedder, policy)
    few = FewShot(
        words,
        embedded(embedder, pretrained.examples.violating),
        embedded(embedder, pretrained.examples.compliant),
    )
    return pretrained.precision(words.logits(posts)), pretrained.precision(few.logits(posts))


def test_posts_without_judgements_lift_what_one_judgement_in_a_hundred_teaches(pretrained):
    scratch, begun = pretrained.trained(None), pretrained.trained(pretrained.backbone)
    assert begun[PICTURED] > scratch[PICTURED] + 0.1
    assert mean(begun.values()) > mean(scratch.values()) + 0.02  # most policies are told by words alone


def test_a_policy_that_nobody_judged_by_is_scored_far_above_chance(pretrained, shots):
    assert shots[0] > 4 * pretrained.violates().mean()


def test_eight_examples_beat_none(shots):
    assert shots[1] > shots[0] + 0.05
