"""Python packages that carry weights, one file a package, named as the distribution is: what is in it, and the SHA-256
of each of its files that is taken.
"""

from __future__ import annotations

from infra.weights.carried import WeightsPackage, read_weights_package
from models.domain.catalogue import Catalogue
from models.domain.located import TOML

WEIGHTS_PACKAGES = Catalogue(
    __name__,
    "WEIGHTS_PACKAGE",
    WeightsPackage,
    folder="weights",
    readers=dict.fromkeys(TOML, read_weights_package),
)
