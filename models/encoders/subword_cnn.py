"""Text: tokens that share the embeddings of their character n-grams, then convolutions.

A token's embedding is its own vector plus those of the character n-grams inside it (Bojanowski et al., 2017,
arXiv 1607.04606), so that a misspelling starts near the word it is made from.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.encoder import Encoder
from models.preset import Preset


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
        """The same function as one table, for serving."""
        every = torch.arange(len(self.pieces), device=self.pieces.device)
        return nn.Embedding.from_pretrained(self.of(every).detach())


class SubwordCnn(nn.Module):
    def __init__(self, pieces: Tensor, width: int, dropout: float, token_dropout: float) -> None:
        super().__init__()
        self.embedding: nn.Module = SubwordEmbedding(pieces, width)
        self.norm_in = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, width, kernel_size=3, padding=1)
        self.norm_out = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.token_dropout = token_dropout

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, T, width]; padding comes out as zeros."""
        mask = attention_mask.unsqueeze(-1).to(self.norm_in.weight.dtype)
        hidden = self.dropout(self.norm_in(self.embedding(input_ids))) * self._visible(mask)
        context = self.convolution(hidden.transpose(1, 2)).transpose(1, 2)
        return self.norm_out(hidden + self.dropout(functional.gelu(context))) * mask

    def folded(self) -> Self:
        """Itself with the embedding as one table; changes it in place."""
        if isinstance(self.embedding, SubwordEmbedding):
            self.embedding = self.embedding.folded()
        return self

    def _visible(self, mask: Tensor) -> Tensor:
        if not self.training or not self.token_dropout:
            return mask
        return mask * (torch.rand_like(mask) >= self.token_dropout)


def build(preset: Preset, pieces: Tensor) -> SubwordCnn:
    return SubwordCnn(pieces, preset.width, preset.dropout, preset.token_dropout)


ENCODER = Encoder(name="subword_cnn", modality="text", build=build)
