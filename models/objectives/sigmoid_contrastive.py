"""Contrastive learning without a softmax: SigLIP (Zhai et al., 2023, arXiv 2303.15343, section 3.2 and algorithm 1).

Each picture and text are judged by themselves to belong together or not; the offset begins where most do not.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from models.distributed.gathering import everyones, shared_mean
from models.objectives.base.self_supervised import Learned, Material, ObjectiveHead, Posts, SelfSupervised
from models.objectives.contrastive import recall
from models.process.meta_device import has_values

SCALE, OFFSET = 10.0, -10.0  # at first, as in the paper's section 4.2


class SigmoidContrastive(ObjectiveHead):
    def forward(self, posts: Posts) -> Learned:
        """The summed losses of each picture with every text, averaged over pictures."""
        text, image = posts.embeddings
        texts, first = everyones(text)
        own = torch.arange(len(image), device=image.device) + first
        logits = (posts.backbone.scale * image @ texts.T + posts.backbone.offset).float()
        return Learned(shared_mean(_surprise(logits, own)), len(own), {"recall_at_1": recall(logits, own)})


def _surprise(logits: Tensor, own: Tensor) -> Tensor:
    """Logits [K, N] to [K]."""
    sign = 2 * functional.one_hot(own, logits.shape[1]) - 1 if len(own) else torch.ones_like(logits)
    return -functional.logsigmoid(sign * logits).sum(dim=1)


def build(material: Material) -> SigmoidContrastive:
    """A backbone that has learned neither begins at the paper's scale and offset."""
    backbone = material.backbone
    if has_values() and not backbone.offset.any():
        with torch.no_grad():
            backbone.offset.fill_(OFFSET)
            backbone.log_scale.fill_(math.log(SCALE))
    return SigmoidContrastive()


OBJECTIVE = SelfSupervised(name="sigmoid_contrastive", needs=("reads", "sees"), build=build, aligns=True)
