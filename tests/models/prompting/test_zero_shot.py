import numpy as np
import pytest

from models.policies import POLICY_SETS
from models.prompting.embedding import Embedded
from models.prompting.few_shot import SHARPNESS, FewShot
from models.prompting.zero_shot import Prompts, ZeroShot, probabilities

POLICY = POLICY_SETS["community_guidelines"].policies[0]
EAST, NORTH, NOTHING = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)


def embedded(*posts):
    return Embedded(np.array(posts, np.float32))


def test_prompts_are_the_policys_own_words():
    prompts = Prompts.of(POLICY)
    assert POLICY.definition in prompts.violating
    assert {POLICY.title, *POLICY.violating} <= {*prompts.violating}
    assert prompts.compliant == POLICY.compliant
    assert len(set(prompts.violating)) == len(prompts.violating)


def test_text_and_picture_are_averaged_and_what_is_missing_counts_for_nothing():
    words = ZeroShot(np.array([2.0, 0.0], np.float32), scale=3.0)
    posts = embedded((EAST, EAST), (EAST, NORTH), (EAST, NOTHING), (NOTHING, NORTH), (NOTHING, NOTHING))
    assert words.logits(posts).tolist() == [6, 3, 6, 0, 0]


def test_probabilities_order_posts_as_logits_do_and_are_between_nought_and_one():
    found = probabilities(np.array([-80.0, -1.0, 0.0, 2.0], np.float32))
    assert (np.diff(found) > 0).all()
    assert found[2] == 0.5
    assert (found >= 0).all()
    assert (found <= 1).all()


def test_examples_count_by_how_near_they_are_text_beside_text_and_picture_beside_picture():
    words = ZeroShot(np.zeros(2, np.float32), scale=1.0)
    few = FewShot(words, violating=embedded((EAST, NOTHING)), compliant=embedded((NORTH, NORTH)))
    text_alone, picture_alone = few.logits(embedded((EAST, NOTHING), (NOTHING, NORTH)))
    far = np.exp(-SHARPNESS)
    assert text_alone == pytest.approx(1 - far, abs=1e-6)
    assert picture_alone == pytest.approx(-1, abs=1e-6)  # no picture is an example of a violation


def test_examples_are_added_to_the_words():
    words = ZeroShot(np.array([1.0, 0.0], np.float32), scale=2.0)
    few = FewShot(words, violating=embedded((NORTH, NOTHING)), compliant=embedded((EAST, NOTHING)))
    posts = embedded((NORTH, NOTHING), (EAST, NOTHING))
    assert (few.logits(posts) - words.logits(posts)).tolist() == pytest.approx(
        [2 - 2 * np.exp(-SHARPNESS), 2 * np.exp(-SHARPNESS) - 2], abs=1e-5
    )
