import json

import lance
import numpy as np
import pyarrow as pa
import pytest

from models.domain.content import Action
from models.domain.policy import Objectives
from models.domain.schemas import snapshot_schema
from models.evaluation.sufficiency import Tally, judged_splits
from models.policies import POLICY_SETS
from models.training.cross_fit import is_worth_it
from models.training.presets import preset_named

USUAL = ("calibration", "validation")
SET = POLICY_SETS["community_guidelines"]
ASKING = SET.model_copy(
    update={
        "objectives": {
            "default": Objectives(precision={Action.LIMIT: 0.8}, review_share=0.03, minimum_judgements=20)
        }
    }
)


def tally(**violations):
    """One policy, with ten posts for each violation; 20 violations prove what ASKING asks."""
    posts = {split: 10 * count for split, count in violations.items()}
    judged = {split: np.array([count]) for split, count in posts.items()}
    return Tally(("hate_speech",), judged, {split: np.array([n]) for split, n in violations.items()}, posts)


@pytest.mark.parametrize(
    ("violations", "splits"),
    [
        ({"train": 160, "validation": 9, "calibration": 9, "test": 9}, (*USUAL, "test")),
        ({"train": 160, "validation": 10, "calibration": 10, "test": 20}, USUAL),  # they prove it without
        (
            {"train": 20, "validation": 2, "calibration": 2, "test": 4},
            USUAL,
        ),  # test would not prove it either
        ({"train": 0, "validation": 100, "calibration": 0, "test": 0}, USUAL),
    ],
)
def test_test_posts_join_the_evidence_only_where_it_is_small_and_they_prove_something(violations, splits):
    assert judged_splits(ASKING, tally(**violations), USUAL) == splits


def test_a_large_snapshot_keeps_its_test_posts_apart_however_rare_the_violations():
    few = tally(train=100, validation=9, calibration=9, test=19)
    posts = {"train": 16_000, "validation": 1_000, "calibration": 1_000, "test": 2_000}
    assert judged_splits(ASKING, Tally(few.policies, few.judged, few.violations, posts), USUAL) == USUAL


@pytest.mark.parametrize(
    ("preset", "violations", "worth"),
    [
        ("compact", {"train": 160, "validation": 9, "calibration": 9, "test": 9}, False),  # proven with test
        ("compact", {"train": 18, "validation": 1, "calibration": 1, "test": 2}, True),
        ("compact", {"train": 16, "validation": 1, "calibration": 1, "test": 2}, False),  # test stays apart
        ("compact", {"train": 10, "validation": 1, "calibration": 1, "test": 1}, False),  # too few in all
        ("trial", {"train": 18, "validation": 1, "calibration": 1, "test": 1}, False),
        ("compact,folds=0", {"train": 18, "validation": 1, "calibration": 1, "test": 1}, False),
        ("compact", {"train": 400, "validation": 1, "calibration": 1, "test": 1}, False),  # 4,030 posts
    ],
)
def test_a_cross_fit_is_worth_it_where_only_the_training_split_has_enough(preset, violations, worth):
    assert is_worth_it(ASKING, preset_named(preset), tally(**violations)) is worth


def test_the_tally_counts_judgements_and_violations_of_each_split(tmp_path):
    policies, nan = ("hate_speech", "profanity"), np.nan
    labels = [[1, nan], [0.4, nan], [nan, nan], [0.5, nan]]
    schema = snapshot_schema(policies)
    described = schema.with_metadata({b"moderato": json.dumps({"policies": policies}).encode()})
    empty = {field.name: pa.nulls(4, field.type) for field in schema}
    rows = empty | {
        "split": pa.array(["train", "train", "test", "test"]),
        "labels": pa.array(labels, pa.list_(pa.float32(), 2)),
    }
    nullable = pa.schema([field.with_nullable(True) for field in described], described.metadata)
    lance.write_dataset(pa.table(rows, schema=nullable), str(tmp_path / "s.lance"))
    found = Tally.of(str(tmp_path / "s.lance"))
    assert found.posts == {"train": 2, "validation": 0, "calibration": 0, "test": 2}
    assert found.violating() == {"hate_speech": 2, "profanity": 0}
    assert found.violating(["train"]) == {"hate_speech": 1, "profanity": 0}
    assert found.assessed == ("hate_speech",)
