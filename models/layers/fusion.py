"""Fusion: every policy asks the text tokens and the image patches of a post what speaks for it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class CrossAttention(nn.Module):
    """Queries attend over a memory; a learned empty token is always there, so that a mask may hide all else."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.nothing = nn.Parameter(torch.zeros(width))
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Queries [N, Q, D], memory [N, L, D], mask [N, L] true where there is something; [N, Q, D]."""
        memory = torch.cat([self.nothing.expand(memory.shape[0], 1, -1), memory], dim=1)
        mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)[:, None, None, :]
        key, value = self.key_value(memory).chunk(2, dim=-1)
        found = functional.scaled_dot_product_attention(
            self._split(self.query(queries)), self._split(key), self._split(value), attn_mask=mask
        )
        return self.out(found.transpose(1, 2).flatten(2))

    def _split(self, features: Tensor) -> Tensor:
        return features.unflatten(2, (self.heads, -1)).transpose(1, 2)


class Fusion(nn.Module):
    """One logit a policy, from what its query found, from pooled features, and from the two modalities together."""

    def __init__(self, policies: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(policies, width) * 0.1)
        self.attention = CrossAttention(width, heads)
        self.judge = nn.Parameter(torch.randn(policies, width) * width**-0.5)
        self.pooled = nn.Linear(4 * width, policies)
        self.pair = nn.Sequential(
            nn.Linear(4 * width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, policies)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, text: Tensor, text_mask: Tensor, patches: Tensor, patch_mask: Tensor) -> Tensor:
        """Text [N, T, D], patches [N, L, D], masks [N, T] and [N, L] true where there is something; [N, P]."""
        memory, mask = torch.cat([text, patches], dim=1), torch.cat([text_mask, patch_mask], dim=1)
        found = self.attention(self.queries.expand(text.shape[0], -1, -1), memory, mask)
        pooled = torch.cat([pool(text, text_mask), pool(patches, patch_mask)], dim=1)
        both = text_mask.any(dim=1, keepdim=True) & patch_mask.any(dim=1, keepdim=True)
        together = self.pair(self.dropout(pooled)) * both
        return (found * self.judge).sum(dim=-1) + self.pooled(self.dropout(pooled)) + together


class Aligned(nn.Module):
    """One logit a policy, from where a post's text and pictures lie in the space that they share: a linear probe as
    in CLIP (Radford et al., 2021, arXiv 2103.00020, section 3.2), which is 0 at first.
    """

    def __init__(self, policies: int, width: int) -> None:
        super().__init__()
        self.judge = nn.Linear(2 * width, policies, bias=False)
        self.scale = width**0.5  # a feature of a unit vector is as large as one of a token's
        nn.init.zeros_(self.judge.weight)

    def forward(self, text: Tensor, pictures: Tensor) -> Tensor:
        """Unit vectors [..., E] of either, zeros where there is none; [..., P]."""
        return self.judge(torch.cat([text, pictures], dim=-1) * self.scale)


def pool(tokens: Tensor, mask: Tensor) -> Tensor:
    """Largest and mean value of each feature over the tokens that are there, [N, 2 D]; zeros where none is."""
    there = mask.unsqueeze(-1)
    count = there.sum(dim=1)
    largest = tokens.masked_fill(~there, -1e4).amax(dim=1) * (count > 0)
    return torch.cat([largest, (tokens * there).sum(dim=1) / count.clamp(min=1)], dim=1)
