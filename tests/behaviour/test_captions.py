import numpy as np
import pytest

from infra.simulator.vocabulary import Vocabulary
from models.policies import POLICY_SETS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("behaviour")]
POLICY_SET = POLICY_SETS["community_guidelines"]


def captions(platform, count=200):
    return [text for text in platform.held_out()["text"].to_pylist() if text][:count]


def probabilities(model, texts):
    return 1 / (1 + np.exp(-model.scorer.logits(texts, [None] * len(texts))))


@pytest.mark.parametrize("change", [str.upper, str.title, lambda text: f"  {text.replace(' ', '   ')} \n"])
def test_invariance_case_and_white_space_change_nothing(platform, trained, change):
    texts = captions(platform)
    changed = [change(text) for text in texts]
    assert np.allclose(probabilities(trained(), texts), probabilities(trained(), changed), atol=1e-5)


def test_invariance_a_trailing_emoji_hardly_moves_a_score(platform, trained):
    texts = captions(platform)
    moved = np.abs(
        probabilities(trained(), texts) - probabilities(trained(), [f"{text} 🙂" for text in texts])
    )
    assert np.median(moved) < 0.02
    assert np.quantile(moved, 0.95) < 0.15


def test_directional_a_violating_term_raises_the_score_of_its_policy(platform, trained):
    model, vocabulary = trained(), Vocabulary(1)
    texts = captions(platform, 50)
    column = model.scorer.policies.index("hate_speech")
    terms = vocabulary.terms("hate_speech", 1)
    raised = [
        (probabilities(model, [f"{text} {term}" for text in texts]) > probabilities(model, texts))[
            :, column
        ].mean()
        for term in terms
    ]
    assert np.median(raised) > 0.9


def test_minimum_functionality_violations_in_the_platform_s_own_words_score_above_small_talk(trained):
    model, vocabulary = trained(), Vocabulary(1)
    common = " ".join(vocabulary.common[:4])
    for policy in ("hate_speech", "harassment"):
        column = model.scorer.policies.index(policy)
        violating = [f"{common} {term}" for term in vocabulary.terms(policy, 1)]
        harmless = [f"{common} {word}" for word in vocabulary.common[4:40]]
        scores = probabilities(model, violating)[:, column]
        assert np.median(scores) > np.quantile(probabilities(model, harmless)[:, column], 0.9)
