"""Contrastive learning with a softmax over the batch: InfoNCE (van den Oord et al., 2018, arXiv 1807.03748, equation 4)
of text and pictures as in CLIP (Radford et al., 2021, arXiv 2103.00020, figure 3).

Each process compares its own rows with those of all, which gives the loss of one process that has them all.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.distributed.gathering import everyones, shared_mean
from models.objectives.base.self_supervised import Learned, Material, ObjectiveHead, Posts, SelfSupervised

TIE_LOGITS = 1e-4  # logits that differ by less are taken for a tie, as between posts of the same words


class Contrastive(ObjectiveHead):
    def forward(self, posts: Posts) -> Learned:
        """Every picture picks its text among all, and every text its picture."""
        text, image = posts.embeddings
        (texts, first), (images, _) = everyones(text), everyones(image)
        scale, own = posts.backbone.scale, torch.arange(len(text), device=text.device) + first
        of_images, of_texts = scale * image @ texts.T, scale * text @ images.T
        losses = (_surprise(of_images, own) + _surprise(of_texts, own)) / 2
        return Learned(shared_mean(losses), len(losses), {"recall_at_1": recall(of_images, own)})


def _surprise(logits: Tensor, own: Tensor) -> Tensor:
    return functional.cross_entropy(logits.float(), own, reduction="none")


def recall(logits: Tensor, own: Tensor) -> Tensor:
    """Share of rows [K, N] whose own column no other surpasses, a scalar; 0 without rows."""
    found = logits.gather(1, own[:, None])[:, 0] >= logits.amax(dim=1) - TIE_LOGITS if len(own) else own > 0
    return found.float().sum() / max(1, len(own))


def build(material: Material) -> Contrastive:  # noqa: ARG001 - all it needs is the backbone's
    return Contrastive()


OBJECTIVE = SelfSupervised(name="contrastive", needs=("reads", "sees"), build=build, aligns=True)
