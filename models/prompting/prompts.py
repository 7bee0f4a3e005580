"""What a policy says, as sentences that posts are compared with (Radford et al., 2021, arXiv 2103.00020, 3.1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from models.domain.policy import Policy

TEMPLATES = ("{}", "{title}: {}")


@dataclass(frozen=True)
class Prompts:
    """Sentences of posts that violate a policy, and of posts that come close and do not."""

    violating: tuple[str, ...]
    compliant: tuple[str, ...]

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """The policy's title, definition and examples, each in every template that does not repeat the title."""
        said = (policy.title, f"{policy.title}: {policy.definition}", policy.definition)
        examples = (
            template.format(example, title=policy.title)
            for example in policy.violating
            for template in TEMPLATES
        )
        return cls(violating=(*said, *examples), compliant=policy.compliant)
