"""The policy set of a run: the one that was there when it began, or an error that says that somebody edited it."""

from __future__ import annotations

from models.domain.errors import UserError
from models.domain.policy import PolicySet
from models.policies import POLICY_SETS


class EditedPolicySetError(UserError):
    """A policy set says something else than when the run began."""


def policy_set_as(name: str, digest: str) -> PolicySet:
    """The set of that name; raises EditedPolicySetError where its content is another. An empty digest is any."""
    found = POLICY_SETS[name]
    if digest and found.digest != digest:
        raise EditedPolicySetError(
            f"the policy set {name} was edited while the run was under way: it began with {digest[:12]}, and now it is "
            f"{found.digest[:12]}; start the run again, or put the set back as it was"
        )
    return found
