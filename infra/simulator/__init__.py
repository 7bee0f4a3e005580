"""A made-up platform whose truth is known: posts, pictures, drifting slang, and moderators who err."""

from infra.simulator.scenarios import Modality
from infra.simulator.simulation import (
    Simulation,
    SimulationError,
    moderators_table,
    simulate,
    truth_table,
    week_of_posts,
)
from infra.simulator.truth import Truth, read_truth
from infra.simulator.vocabulary import DRIFTING

__all__ = [
    "DRIFTING",
    "Modality",
    "Simulation",
    "SimulationError",
    "Truth",
    "moderators_table",
    "read_truth",
    "simulate",
    "truth_table",
    "week_of_posts",
]
