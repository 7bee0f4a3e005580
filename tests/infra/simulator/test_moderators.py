from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from infra.simulator.moderators import FALSE_ALARM_RATES, MISS_RATES, coverage
from infra.simulator.vocabulary import LANGUAGES
from tests.infra.simulator.conftest import POLICIES, Simulated

SIGMAS = 4.5  # a moderator in a hundred thousand lies outside


@pytest.fixture(scope="session")
def opinions(simulated: Simulated) -> pd.DataFrame:
    """Judgements beside the truth."""
    row = {post_id: i for i, post_id in enumerate(simulated.posts.post_id)}
    column = {policy: i for i, policy in enumerate(POLICIES)}
    table = simulated.judgements
    truth = simulated.truth.violates[table.post_id.map(row), table.policy.map(column)]
    language = simulated.posts.language.to_numpy()[table.post_id.map(row)]
    return table.assign(truth=truth, language=language, wrong=table.violates != truth)


@pytest.mark.parametrize(("truth", "rate"), [(True, "miss_rate"), (False, "false_alarm_rate")])
def test_moderators_err_as_often_as_stated(
    simulated: Simulated, opinions: pd.DataFrame, truth: bool, rate: str
):
    stated = simulated.moderators.set_index("moderator_id")[rate]
    seen = opinions[opinions.truth == truth].groupby("moderator_id").wrong.agg(["mean", "size"])
    assert set(seen.index) == set(stated.index)
    expected = stated[seen.index]
    bound = SIGMAS * np.sqrt(expected * (1 - expected) / seen["size"]) + 1 / seen["size"]
    assert ((seen["mean"] - expected).abs() <= bound).all()


def test_stated_rates_lie_within_their_bounds_and_differ(simulated: Simulated):
    for rate, (low, high) in (("miss_rate", MISS_RATES), ("false_alarm_rate", FALSE_ALARM_RATES)):
        assert simulated.moderators[rate].between(low, high).all()
        assert simulated.moderators[rate].nunique() == len(simulated.moderators)


def test_moderators_read_the_language_they_judge(simulated: Simulated, opinions: pd.DataFrame):
    reads = dict(zip(simulated.moderators.moderator_id, simulated.moderators.languages, strict=True))
    judged = opinions.drop_duplicates(["moderator_id", "language"])
    assert all(row.language in reads[row.moderator_id] for row in judged.itertuples())


def test_one_to_three_moderators_judge_and_sometimes_disagree(opinions: pd.DataFrame):
    votes = opinions.groupby(["post_id", "policy"])
    assert set(votes.size()) == {1, 2, 3}
    assert (votes.moderator_id.nunique() == votes.size()).all()
    assert (votes.violates.nunique() == 2).sum() > 100


def test_judgements_come_after_the_post(simulated: Simulated):
    created = simulated.posts.set_index("post_id").created_at
    assert (simulated.judgements.decided_at > simulated.judgements.post_id.map(created)).all()


def test_about_half_of_what_could_be_judged_is_unknown(simulated: Simulated, opinions: pd.DataFrame):
    known = len(opinions.drop_duplicates(["post_id", "policy"])) / simulated.truth.violates.size
    assert 0.35 < known < 0.6


def test_unknown_is_not_harmless(simulated: Simulated, opinions: pd.DataFrame):
    judged = opinions[opinions.truth].drop_duplicates(["post_id", "policy"])
    assert 0.4 < len(judged) / simulated.truth.violates.sum() < 0.65


def test_unstaffed_desks_leave_whole_corners_unknown(simulated: Simulated, opinions: pd.DataFrame):
    pairs = opinions[~opinions.truth].drop_duplicates(["post_id", "policy"])
    judged = pd.crosstab(pairs.policy, pairs.language)
    posts = simulated.posts.language.value_counts()
    share = (judged / posts).loc[list(POLICIES), list(LANGUAGES)].to_numpy()
    assert np.abs(share - coverage()).max() < 0.1
    assert 0.1 < (coverage() < 0.1).mean() < 0.3
