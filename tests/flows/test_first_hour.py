"""The first hour of somebody new: an own spreadsheet becomes a champion that acts. Larger ones are a bench's."""

import pytest
from first_hour import QUICK, first_hour

pytestmark = pytest.mark.minutes
SOON = "compact,epochs=1,minimum_steps=150,averaging=0.9"  # as it is, the bench takes


@pytest.mark.parametrize(("pictured", "preset"), [(False, SOON), (True, QUICK)])
def test_a_spreadsheet_becomes_a_champion_that_acts(pictured, preset, tmp_path):
    hour = first_hour(tmp_path, 450, preset, pictured=pictured)
    assert hour.violating_allowed <= 0.05, hour.told
    assert hour.harmless_removed <= 0.05, hour.told
    assert "of a thousand posts" in hour.told
