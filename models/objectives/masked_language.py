"""Masked language modelling: BERT (Devlin et al., 2019, arXiv 1810.04805, section 3.1, task 1); with the picture in
view where the family reads so, as in ALBEF (Li et al., 2021, arXiv 2107.07651, equation 3).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.distributed.gathering import shared_mean
from models.objectives.base.self_supervised import (
    Learned,
    Material,
    ObjectiveHead,
    Posts,
    SelfSupervised,
    nothing,
)

CHOSEN, HIDDEN, SWAPPED = (
    0.15,
    0.8,
    0.1,
)  # share of tokens; of these, what is hidden, and what is another token


class MaskedLanguage(ObjectiveHead):
    def __init__(self, material: Material) -> None:
        super().__init__()
        self.masked, self.marks = material.masked, material.marks
        self.vocabulary = material.backbone.vocabulary
        width = material.backbone.tower("text").text_width
        self.head = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, self.vocabulary)
        )

    def forward(self, posts: Posts) -> Learned:
        """The mean surprise at the tokens that were chosen."""
        rows = torch.nonzero(posts.written)[:, 0]
        ids, mask = posts.batch.input_ids[rows], posts.batch.attention_mask[rows]
        chosen = self._chosen(ids, mask) if len(rows) else mask > 0
        if posts.lack(chosen.nonzero()):
            return nothing(posts.backbone.log_scale, "accuracy")
        read = posts.backbone.read(self._corrupted(ids, chosen), mask, posts.in_view(rows))
        logits, right = self.head(read.hidden[chosen]).float(), ids[chosen]
        losses = functional.cross_entropy(logits, right, reduction="none")
        found = (logits.argmax(dim=1) == right).float().mean()
        return Learned(shared_mean(losses), len(losses), {"accuracy": found})

    def _chosen(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Tokens [N, T] to be told, one at least of each text that has more than its marks."""
        there = (mask > 0) & (ids != self.marks[0]) & (ids != self.marks[1])
        drawn = torch.rand(ids.shape, device=ids.device).masked_fill(~there, 2.0)
        least = drawn == drawn.amin(dim=1, keepdim=True)
        return there & ((drawn < CHOSEN) | least)

    def _corrupted(self, ids: Tensor, chosen: Tensor) -> Tensor:
        drawn = torch.rand(ids.shape, device=ids.device)
        others = torch.randint_like(ids, self.vocabulary)
        hidden = torch.where(chosen & (drawn < HIDDEN), self.masked, ids)
        return torch.where(chosen & (drawn >= HIDDEN) & (drawn < HIDDEN + SWAPPED), others, hidden)


def build(material: Material) -> MaskedLanguage:
    return MaskedLanguage(material)


OBJECTIVE = SelfSupervised(name="masked_language", needs=("reads", "bidirectional"), build=build)
