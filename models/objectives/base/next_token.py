"""What a backbone that writes says of texts: how surprised it is by each token after those before it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.distributed.gathering import shared_mean
from models.encoders.base.encoder import Tokens
from models.objectives.base.self_supervised import Learned, Material, Posts


class NextToken:
    """Texts are written between marks; those of a tokeniser that puts none around them get them here."""

    def __init__(self, material: Material) -> None:
        begins, self.end = material.marks
        own = material.backbone.tower("text").start
        self.start = begins if own is None else own
        self.marked, self.longest = material.marked, material.preset.max_tokens

    def __call__(self, posts: Posts, texts: tuple[Tensor, Tensor], seen: Tokens | None) -> Learned:
        """The mean surprise over the tokens of texts [N, T] with their masks, each read with its picture."""
        given, there, wanted = self._shifted(*texts)
        logits = posts.backbone.write(given, there, seen)[there > 0].float()
        wanted = wanted[there > 0]
        losses = functional.cross_entropy(logits, wanted, reduction="none")
        found = (logits.argmax(dim=1) == wanted).float().sum() / max(1, len(wanted))
        return Learned(shared_mean(losses), len(losses), {"accuracy": found})

    def _shifted(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is read, its mask, and the token that is right after each, [N, T'] with T' at most `longest`."""
        mask = (mask > 0).to(ids.dtype)
        first = torch.full_like(ids[:, :1], self.start)
        if self.marked:
            there = torch.cat([mask[:, 1:], mask[:, :1] * 0], dim=1)
            given, wanted = torch.cat([first, ids[:, 1:]], dim=1), torch.cat([ids[:, 1:], first], dim=1)
            return given * there, there, wanted
        there, given = functional.pad(mask, (1, 0), value=1), torch.cat([first, ids], dim=1)
        lengths = mask.sum(dim=1, keepdim=True)
        wanted = functional.pad(ids, (0, 1)).scatter(1, lengths, self.end)
        return given[:, : self.longest], there[:, : self.longest], wanted[:, : self.longest]
