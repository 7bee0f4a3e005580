"""Image-text matching with hard negatives: ALBEF (Li et al., 2021, arXiv 2107.07651, section 3.2, equation 4).

Does this text belong to this picture? Beside each pair stand its picture with another's text and its text with
another's picture, the likelier to be picked the more alike they look to the contrastive space.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.distributed.gathering import shared_mean
from models.encoders.base.encoder import Tokens
from models.layers.fusion import pool
from models.objectives.base.self_supervised import (
    Learned,
    Material,
    ObjectiveHead,
    Posts,
    SelfSupervised,
    nothing,
)


class Matching(ObjectiveHead):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.judge = nn.Linear(2 * width, 1)

    def forward(self, posts: Posts) -> Learned:
        """The surprise at pairs and at negatives; a batch of alike posts has none of these, and counts for nothing."""
        text, picture = (rows.detach() for rows in posts.embeddings)
        if posts.unpaired:
            return nothing(self.judge.weight, "accuracy")
        alike = (posts.texts[0][:, None] == posts.texts[0][None]).all(dim=2)
        similar = (posts.backbone.scale.detach() * picture @ text.T).float().masked_fill(alike, float("-inf"))
        able = torch.nonzero((~alike).any(dim=1))[:, 0]
        if posts.lack(able):
            return nothing(self.judge.weight, "accuracy")
        other_text, other_picture = _drawn(similar[able]), _drawn(similar.T[able])
        logits = self._judged(
            posts, torch.cat([able, other_text, able]), torch.cat([able, able, other_picture])
        )
        right = torch.zeros_like(logits)
        right[: len(able)] = 1
        losses = functional.binary_cross_entropy_with_logits(logits, right, reduction="none")
        found = ((logits > 0) == (right > 0)).float().mean()
        return Learned(shared_mean(losses), len(losses), {"accuracy": found})

    def _judged(self, posts: Posts, texts: Tensor, pictures: Tensor) -> Tensor:
        """Logits [R] of so many texts, each with a picture."""
        ids, mask = posts.texts
        seen = Tokens(posts.seen.hidden[pictures], posts.seen.mask[pictures])
        read = posts.backbone.read(ids[texts], mask[texts], seen)
        return self.judge(pool(read.hidden, read.mask))[:, 0].float()


def _drawn(logits: Tensor) -> Tensor:
    """One column of each row [R, K], by a softmax over them."""
    return torch.multinomial(logits.softmax(dim=1), 1)[:, 0]


def build(material: Material) -> Matching:
    return Matching(material.backbone.tower("text").text_width)


OBJECTIVE = SelfSupervised(name="matching", needs=("reads", "sees", "fuses"), build=build)
