"""What every policy set has to keep beyond its form; the tests run over ours, `moderato policies check` over all."""

from __future__ import annotations

from collections.abc import Iterator

from models.domain.content import Action
from models.domain.policy import PolicySet
from models.domain.policy_file import AUTOMATIC

SENTENCES = 3  # of a definition, at most


def faults(policy_set: PolicySet) -> list[str]:
    """What is wrong with a set, each in one line; empty for a good one."""
    return [
        f"{policy_set.name}: {fault}" for fault in (*_of_policies(policy_set), *_of_objectives(policy_set))
    ]


def _of_policies(policy_set: PolicySet) -> Iterator[str]:
    for policy in policy_set.policies:
        both = sorted(set(policy.violating) & set(policy.compliant))
        if both:
            yield f"{policy.key} has {both[0]!r} among what violates and what complies; keep one"
        for kind in (policy.violating, policy.compliant):
            again = sorted({example for example in kind if kind.count(example) > 1})
            if again:
                yield f"{policy.key} has the example {again[0]!r} twice; keep one"
        if not 1 <= policy.definition.count(".") <= SENTENCES or not policy.definition.endswith("."):
            yield f"the definition of {policy.key} is no one to three sentences that end with a full stop"


def _of_objectives(policy_set: PolicySet) -> Iterator[str]:
    for market, asked in policy_set.objectives.items():
        if not {*AUTOMATIC} & asked.precision.keys():
            yield f"{market} names no automatic action, so that people would have to do all"
        ladder = [
            asked.precision[action] for action in (Action.LIMIT, Action.REMOVE) if action in asked.precision
        ]
        if ladder != sorted(ladder):
            yield f"{market} asks more precision of limit than of remove: a wrong removal is the dearer one"
        if not 0 < asked.review_share < 1:
            yield f"{market} has a review_share of {asked.review_share}; people review some posts and not all"
