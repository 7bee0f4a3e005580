"""One simulated platform, read by most claims: weeks 1 to 4 and, arrived later, weeks 5 and 6."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from infra.lake import Lake
from infra.simulator import Truth, moderators_table, read_truth, simulate, truth_table
from models.policies import POLICY_SETS

POLICIES = POLICY_SETS["community_guidelines"].keys
SEED = 7


@dataclass(frozen=True)
class Simulated:
    lake: Lake
    posts: pd.DataFrame
    judgements: pd.DataFrame
    shown: pd.DataFrame  # the truth table: phrase, drawing, repost
    moderators: pd.DataFrame
    truth: Truth  # rows as posts

    def violates(self, policy: str) -> np.ndarray:
        return self.truth.violates[:, POLICIES.index(policy)]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    lake = Lake(str(tmp_path_factory.mktemp("simulated")))
    simulate(lake, posts=8000, weeks=4, seed=SEED)
    simulate(lake, posts=4000, weeks=2, start_week=5, seed=SEED)
    posts = lake.posts.open().to_table().to_pandas()
    return Simulated(
        lake,
        posts,
        lake.judgements.open().to_table().to_pandas(),
        truth_table(lake).open().to_table().to_pandas(),
        moderators_table(lake).open().to_table().to_pandas(),
        read_truth(lake, posts.post_id.tolist(), POLICIES),
    )
