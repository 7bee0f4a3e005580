"""Causal language modelling: the next token of a text (Radford et al., 2018, "Improving language understanding by
generative pre-training", equation 1).
"""

from __future__ import annotations

import torch

from models.objectives.base.next_token import NextToken
from models.objectives.base.self_supervised import (
    Learned,
    Material,
    ObjectiveHead,
    Posts,
    SelfSupervised,
    nothing,
)


class CausalLanguage(ObjectiveHead):
    def __init__(self, next_token: NextToken) -> None:
        super().__init__()
        self.next_token = next_token

    def forward(self, posts: Posts) -> Learned:
        """Every text, without its picture."""
        rows = torch.nonzero(posts.written)[:, 0]
        if posts.lack(rows):
            return nothing(posts.backbone.log_scale, "accuracy")
        return self.next_token(posts, (posts.batch.input_ids[rows], posts.batch.attention_mask[rows]), None)


def build(material: Material) -> CausalLanguage:
    return CausalLanguage(NextToken(material))


OBJECTIVE = SelfSupervised(name="causal_language", needs=("reads", "writes"), build=build)
