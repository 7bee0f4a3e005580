"""Community guidelines as data, one policy set a file: TOML or YAML, or Python that announces POLICY_SET."""

from __future__ import annotations

from models.domain.catalogue import Catalogue
from models.domain.policy import PolicySet
from models.domain.policy_file import SUFFIXES, read_policy_set

POLICY_SETS = Catalogue(
    __name__,
    "POLICY_SET",
    PolicySet,
    folder="policies",
    readers=dict.fromkeys(SUFFIXES, read_policy_set),
)
