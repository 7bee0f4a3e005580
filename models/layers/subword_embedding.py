"""Embeddings of tokens that share those of their character n-grams, so that a misspelling starts near its word.

A token's embedding is its own vector plus those of the character n-grams inside it (Bojanowski et al., 2017,
arXiv 1607.04606).
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional


class SubwordEmbedding(nn.Module):
    """pieces: [V, K], the n-grams of each token, padded with 0."""

    def __init__(self, pieces: Tensor, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(len(pieces), width)
        self.grams = nn.Embedding(int(pieces.max()) + 1, width, padding_idx=0)
        nn.init.normal_(self.tokens.weight, std=0.1)
        nn.init.normal_(self.grams.weight, std=0.1)
        self.register_buffer("pieces", pieces, persistent=False)
        self.pieces: Tensor

    def forward(self, input_ids: Tensor) -> Tensor:
        """[N, T] to [N, T, width]. A batch repeats its tokens, so each is put together once."""
        used, places = torch.unique(input_ids, return_inverse=True)
        return functional.embedding(places, self.of(used))

    def of(self, tokens: Tensor) -> Tensor:
        """[U] to [U, width]; a sum of n vectors is scaled by 1 / sqrt(n), which keeps its length."""
        pieces = self.pieces[tokens]
        count = (pieces > 0).sum(dim=1, keepdim=True).clamp(min=1)
        grams = functional.embedding_bag(pieces, self.grams.weight, mode="sum", padding_idx=0)
        return self.tokens(tokens) + grams / count.sqrt()

    def folded(self) -> nn.Embedding:
        """The same function as one table."""
        every = torch.arange(len(self.pieces), device=self.pieces.device)
        return nn.Embedding.from_pretrained(self.of(every).detach())


class SubwordEncoder(nn.Module):
    """A text encoder with this embedding."""

    embedding: nn.Module

    def folded(self) -> Self:
        """Itself with the embedding as one table, which can be exported; changes it in place."""
        if isinstance(self.embedding, SubwordEmbedding):
            self.embedding = self.embedding.folded()
        return self
