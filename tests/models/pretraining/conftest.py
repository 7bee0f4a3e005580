"""What tests of pre-training learn from."""

import numpy as np
import pytest

from tests.support.made_up_snapshot import Row, film, picture, write_snapshot

UNKNOWN = (float("nan"),) * 3
COLOURS = ("red", "blue")
WORDS = ("a", "quiet", "walk", "lake", "tea", "friend")


@pytest.fixture(scope="session")
def coloured(tmp_path_factory):
    """A corpus whose captions name the colour of their picture, or of a video in place of every third."""
    rng, rows = np.random.default_rng(0), []
    for number in range(64):
        colour = COLOURS[number % 2]
        text = " ".join(rng.permutation([*rng.choice(WORDS, 2), colour]))
        filmed = number % 3 == 0
        rows.append(
            Row(text, None if filmed else picture(colour), UNKNOWN, film([colour] * 2) if filmed else None)
        )
    return write_snapshot(tmp_path_factory.mktemp("coloured"), rows)
