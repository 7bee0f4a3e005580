"""The first hour of somebody new: an own spreadsheet becomes a champion that acts. 25,000 posts are a bench's."""

import pytest
from first_hour import QUICK, first_hour

pytestmark = pytest.mark.minutes


@pytest.mark.parametrize(
    ("count", "pictured", "preset"), [(450, False, "compact"), (2000, False, QUICK), (450, True, QUICK)]
)
def test_a_spreadsheet_becomes_a_champion_that_acts(count, pictured, preset, tmp_path):
    hour = first_hour(tmp_path, count, preset, pictured=pictured)
    assert hour.violating_allowed <= 0.05, hour.told
    assert hour.harmless_removed <= 0.05, hour.told
    assert "of a thousand posts" in hour.told
