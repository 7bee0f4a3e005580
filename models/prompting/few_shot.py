"""Scores from a policy's words and a few judged posts: the training-free cache of Tip-Adapter (Zhang et al., 2021,
arXiv 2111.03930, equations 3 to 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.prompting.embedding import Embedded, Floats
from models.prompting.zero_shot import ZeroShot

SHARPNESS = 5.5  # beta of equation 3
TRUST = 1.0  # alpha of equation 5: how much the examples count beside the words


@dataclass(frozen=True)
class FewShot:
    """Judged posts beside what the policy says."""

    words: ZeroShot
    violating: Embedded
    compliant: Embedded

    def logits(self, posts: Embedded) -> Floats:
        """[N]; texts are compared with the examples' texts, pictures with their pictures."""
        cached = _affinity(posts, self.violating) - _affinity(posts, self.compliant)
        return self.words.logits(posts) + TRUST * self.words.scale * posts.mean(cached)


def _affinity(posts: Embedded, examples: Embedded) -> Floats:
    """The mean of exp(-beta (1 - cosine)) over the examples that have the modality, [N, 2]; zeros where none has."""
    cosines = np.einsum("nme,kme->nmk", posts.vectors, examples.vectors)
    near = np.exp(-SHARPNESS * (1 - cosines)) * examples.there.T
    return np.asarray(near.sum(axis=2) / np.maximum(examples.there.sum(axis=0), 1), np.float32)
