import pytest

from infra.rollout.lease import Lease, LeaseTakenError


def test_one_holds_it_and_keeps_it(lake):
    mine, yours = Lease(lake, "a rollout", 60), Lease(lake, "a rollout", 60)
    assert mine.ask()
    assert not yours.ask()
    assert mine.ask()
    assert yours.holder() == mine.owner


def test_two_names_are_two_leases(lake):
    assert Lease(lake, "one", 60).ask()
    assert Lease(lake, "other", 60).ask()


def test_a_holder_that_went_silent_is_followed(lake):
    assert Lease(lake, "a rollout", 0).ask()
    assert Lease(lake, "a rollout", 60).ask()


def test_what_is_released_is_free_at_once(lake):
    mine = Lease(lake, "a rollout", 60)
    mine.ask()
    mine.release()
    assert Lease(lake, "a rollout", 60).ask()


def test_who_waits_in_vain_is_told_who_holds_it(lake):
    mine = Lease(lake, "a rollout", 60)
    mine.ask()
    with pytest.raises(LeaseTakenError, match=r"a rollout is held by .* process \d+"):
        Lease(lake, "a rollout", 60).wait(0.1)
