"""Scores of a policy that nobody has judged by: posts beside the policy's own words, as CLIP classifies pictures
(Radford et al., 2021, arXiv 2103.00020, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.domain.policy import Policy
from models.prompting.embedding import Embedded, Embedder, Floats

TEMPLATES = ("{}", "{title}: {}")


@dataclass(frozen=True)
class Prompts:
    """What a policy says, as sentences of posts that violate it, and of posts that come close and do not (3.1.4)."""

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


@dataclass(frozen=True)
class ZeroShot:
    """`direction` [E] leads from the mean of the compliant prompts to that of the violating ones."""

    direction: Floats
    scale: float

    @classmethod
    def of(cls, embedder: Embedder, policy: Policy) -> Self:
        prompts = Prompts.of(policy)
        violating, compliant = (
            _centre(embedder.texts(said)) for said in (prompts.violating, prompts.compliant)
        )
        return cls(violating - compliant, embedder.scale)

    def logits(self, posts: Embedded) -> Floats:
        """How much nearer posts are to what violates than to what does not, text and picture averaged, [N]: the
        log-odds of a softmax over the two.
        """
        return self.scale * posts.mean(posts.vectors @ self.direction)


def probabilities(logits: Floats) -> Floats:
    """[N] in 0 to 1. They order posts; no calibration says how often they are right."""
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))))


def _centre(vectors: Floats) -> Floats:
    """The mean direction of unit vectors [K, E], of unit length."""
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)
