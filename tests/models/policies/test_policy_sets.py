"""Claims that hold for every policy set; a new file in models/policies is tested by being there."""

from __future__ import annotations

import pytest

from models.domain.catalogue import UnknownEntryError
from models.domain.policy import DEFAULT_MARKET, OPENAI_CATEGORIES, PolicySet
from models.domain.policy_contract import faults
from models.domain.policy_file import AUTOMATIC
from models.policies import POLICY_SETS

EVERY_SET = pytest.mark.parametrize("name", POLICY_SETS.names())


@EVERY_SET
def test_a_policy_set_is_announced_under_its_file_name(name: str):
    assert isinstance(POLICY_SETS[name], PolicySet)
    assert POLICY_SETS[name].name == name


@EVERY_SET
def test_a_policy_set_survives_json(name: str):
    policy_set = POLICY_SETS[name]
    assert PolicySet.model_validate_json(policy_set.model_dump_json()) == policy_set


@EVERY_SET
def test_a_policy_set_keeps_the_contract(name: str):
    assert faults(POLICY_SETS[name]) == []


@EVERY_SET
def test_every_market_says_at_which_precision_it_acts_by_itself(name: str):
    for market, objectives in POLICY_SETS[name].objectives.items():
        assert market == DEFAULT_MARKET or (len(market) == 2 and market.isupper())
        assert set(objectives.precision) == set(AUTOMATIC)


@EVERY_SET
def test_definitions_are_one_to_three_sentences(name: str):
    for policy in POLICY_SETS[name].policies:
        assert 1 <= policy.definition.count(".") <= 3
        assert policy.definition.endswith(".")


def test_the_community_guidelines_answer_for_every_category_that_clients_know():
    covered = {c for policy in POLICY_SETS["community_guidelines"].policies for c in policy.categories}
    assert covered == set(OPENAI_CATEGORIES)


def test_markets_of_the_community_guidelines_ask_for_different_things():
    objectives = POLICY_SETS["community_guidelines"].objectives
    assert {"default", "DE", "US", "JP"} <= set(objectives)
    assert len({o.model_dump_json() for o in objectives.values()}) == len(objectives)


def test_an_unknown_policy_set_names_the_choices():
    with pytest.raises(UnknownEntryError, match="community_guidelines"):
        POLICY_SETS["house_rules"]
