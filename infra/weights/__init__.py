"""Weights that encoders begin from: fetched once from where a preset says they are, and known by what they hold."""

from infra.weights.carried import of_weights_package
from infra.weights.embedding import frozen_encoder, kept_embeddings
from infra.weights.fetch import at_hand, fetch
from infra.weights.packages import WEIGHTS_PACKAGES
from infra.weights.ready import Ready, ready
from infra.weights.sources.package import alone
from infra.weights.weights import NoWeightsError, Weights

__all__ = [
    "WEIGHTS_PACKAGES",
    "NoWeightsError",
    "Ready",
    "Weights",
    "alone",
    "at_hand",
    "fetch",
    "frozen_encoder",
    "kept_embeddings",
    "of_weights_package",
    "ready",
]
