"""Contrastive learning from a queue with momentum distillation: ALBEF (Li et al., 2021, arXiv 2107.07651, equations 1,
2 and 6), whose queue is that of MoCo (He et al., 2020, arXiv 1911.05722, equation 2).

A slow copy of the backbone embeds the same posts. Its embeddings, and the latest ones of earlier batches, are what is
picked from; which of them is right is in part what the copy itself would pick, since posts of others may fit as well.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from models.distributed.gathering import everyones, shared_mean
from models.network.backbone import Backbone
from models.objectives.base.self_supervised import Learned, Material, ObjectiveHead, Posts, SelfSupervised
from models.objectives.contrastive import recall


@dataclass(frozen=True, kw_only=True)
class Momentum:
    """The paper's numbers and no preset's, as those of other objectives are; the queue alone is shorter. The paper's
    65,536 suits millions of pairs: one that outlasts a pass over the corpus holds each post as a negative of itself,
    and a platform's corpus may be of some thousands.
    """

    keep: float = 0.995  # of the copy's weights in a step
    queue: int = 2048  # embeddings of earlier batches
    trust: float = 0.4  # share of the copy's own picks in what is taken for right


class MomentumContrastive(ObjectiveHead):
    def __init__(self, backbone: Backbone, momentum: Momentum) -> None:
        super().__init__()
        self.momentum = momentum
        self.copy = deepcopy(backbone).requires_grad_(False).eval()
        for name in ("texts", "images"):
            self.register_buffer(name, torch.zeros(momentum.queue, backbone.embedding_width))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))
        self.texts: Tensor
        self.images: Tensor
        self.filled: Tensor  # embeddings that were ever put into the queue

    def forward(self, posts: Posts) -> Learned:
        """Half the surprise of pictures at texts and half that of texts at pictures, of which the copy is a judge."""
        learns = self.training and torch.is_grad_enabled()
        if learns:
            self._follow(posts.backbone)
        text, image = posts.embeddings
        with torch.no_grad():
            slow_text, slow_image = Posts(self.copy, posts.batch).embeddings
            (texts, first), (images, _) = everyones(slow_text), everyones(slow_image)
        own = torch.arange(len(text), device=text.device) + first
        scale, kept = posts.backbone.scale, int(self.filled.clamp(max=self.momentum.queue))
        memory = (torch.cat([texts, self.texts[:kept]]), torch.cat([images, self.images[:kept]]))
        of_images, of_texts = scale * image @ memory[0].T, scale * text @ memory[1].T
        losses = (
            self._surprise(of_images, scale * slow_image @ memory[0].T, own)
            + self._surprise(of_texts, scale * slow_text @ memory[1].T, own)
        ) / 2
        if learns:
            self._remember(texts, images)
        return Learned(
            shared_mean(losses), len(own), {"recall_at_1": recall(of_images[:, : len(texts)], own)}
        )

    def train(self, mode: bool = True) -> Self:
        """The copy drops nothing and keeps its statistics."""
        super().train(mode)
        self.copy.eval()
        return self

    def _surprise(self, logits: Tensor, judged: Tensor, own: Tensor) -> Tensor:
        """Equation 6 for logits [K, Q] of which those at `own` are right, [K]."""
        right = functional.one_hot(own, logits.shape[1]) if len(own) else torch.zeros_like(logits)
        soft = judged.detach().float().softmax(dim=1)
        target = self.momentum.trust * soft + (1 - self.momentum.trust) * right
        return -(target * logits.float().log_softmax(dim=1)).sum(dim=1)

    @torch.no_grad()
    def _follow(self, backbone: Backbone) -> None:
        for slow, fast in zip(self.copy.parameters(), backbone.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.momentum.keep)
        for kept, new in zip(self.copy.buffers(), backbone.buffers(), strict=True):
            kept.copy_(new)

    @torch.no_grad()
    def _remember(self, texts: Tensor, images: Tensor) -> None:
        """The newest take the place of the oldest."""
        texts, images = texts[: self.momentum.queue], images[: self.momentum.queue]
        places = (self.filled + torch.arange(len(texts), device=texts.device)) % self.momentum.queue
        self.texts[places], self.images[places] = texts.to(self.texts.dtype), images.to(self.images.dtype)
        self.filled += len(texts)


def build(material: Material) -> MomentumContrastive:
    return MomentumContrastive(material.backbone, Momentum())


OBJECTIVE = SelfSupervised(name="momentum_contrastive", needs=("reads", "sees"), build=build, aligns=True)
