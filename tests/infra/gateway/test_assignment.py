import pytest
from gateway_server import in_thread, roll_out, until

from infra.rollout import is_shadowed, meets_challenger

NAMES = [f"post-{number}" for number in range(200)]


@pytest.fixture
def served(home):
    roll_out(home, share=0.3)
    with in_thread(home) as served:
        yield served


def challenged(decisions):
    return {decision["post_id"] for decision in decisions if decision["role"] == "challenger"}


def test_the_challenger_decides_the_posts_that_the_hash_gives_it(served):
    decisions = served.decide(*NAMES)
    assert challenged(decisions) == {name for name in NAMES if meets_challenger(name, "r1", 0.3)}
    assert {(d["role"], d["model_version"]) for d in decisions} == {("champion", "1"), ("challenger", "2")}


def test_a_running_gateway_follows_the_rollout_and_a_larger_share_only_adds(served):
    before = challenged(served.decide(*NAMES))
    roll_out(served.settings, share=0.6)
    expected = {name for name in NAMES if meets_challenger(name, "r1", 0.6)}
    until(lambda: challenged(served.decide(*NAMES)) == expected)
    assert before < expected
    roll_out(served.settings, share=0.0)
    until(lambda: not challenged(served.decide(*NAMES)))


def test_rows_name_the_rollout_and_the_stage_that_drew_them(served):
    served.decide(*NAMES)
    until(lambda: len(served.rows()) == len(NAMES))
    assert {(row["rollout"], row["stage"]) for row in served.rows()} == {("r1", 0)}


def test_a_shadow_is_recorded_with_the_decision_it_copies(home):
    roll_out(home, share=0.5, shadow=1.0)
    with in_thread(home) as served:
        live = {decision["decision_id"]: decision for decision in served.decide(*NAMES[:50], text="violence")}
        until(lambda: len(served.rows("role = 'shadow'")) == len(live))
        for copy in served.rows("role = 'shadow'"):
            decision = live.pop(copy["shadow_of"])
            assert copy["post_id"] == decision["post_id"]
            assert copy["live_action"] == decision["action"]
            assert copy["live_policies"] == [reason["policy"] for reason in decision["reasons"]]
            assert copy["model_version"] != decision["model_version"]
            assert copy["scores"]
        assert not live


def test_shadows_come_from_the_stated_share_of_all_traffic(home):
    roll_out(home, share=0.5, shadow=0.2)
    drawn = {name for name in NAMES if is_shadowed(name, "r1", 0.2)}
    with in_thread(home) as served:
        served.decide(*NAMES)
        until(lambda: len(served.rows("role = 'shadow'")) == len(drawn))
        copies = served.rows("role = 'shadow'")
    assert {row["post_id"] for row in copies} == drawn
    assert {row["model_version"] for row in copies} == {"1", "2"}


def test_without_a_rollout_the_challenger_sees_nothing(gateway):
    assert not challenged(gateway.decide(*NAMES))
    assert gateway.ready()["challenger"] is None
