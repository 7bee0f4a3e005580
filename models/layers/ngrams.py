"""The wide half: a linear model over TF-IDF of hashed words, word pairs, and the character n-grams of tokens.

Wide and deep as in Cheng et al., 2016 (arXiv 1606.07792): rare, telling phrases are remembered here, and the
encoders beside it are free to generalise. Its weights are found before training
(models.layers.wide).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.data.tokenizer import BEGINS_WORD, ENDS_WORD

ORDERS = (1, 2)
BLOCKS = ((0, 1), (2,))  # views whose features make one vector of unit length: words, spelling
MULTIPLIER = 1_000_003
MASK = (1 << 40) - 1  # products with MULTIPLIER stay below 2 ** 63


def words(input_ids: Tensor, attention_mask: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """Codes [N, T] of the words that the tokens spell, from the left, and a mask [N, T] of where there is one.

    starts: [V], BEGINS_WORD or ENDS_WORD of models.data.tokenizer for a token that does. A code is the sum of those of
    its pairs of neighbouring tokens.
    """
    there = attention_mask > 0
    marked = starts[input_ids]
    ended = functional.pad((marked == ENDS_WORD).to(torch.int64), (1, 0), value=1)[:, :-1] > 0
    begins = ((marked == BEGINS_WORD) | ended) & there
    before = functional.pad(input_ids + 1, (1, 0))[:, :-1] * ~begins
    pairs = ((before * MULTIPLIER + input_ids) & MASK) * there
    number = begins.to(torch.int64).cumsum(dim=1)
    codes = torch.zeros_like(input_ids).scatter_add(1, (number - 1).clamp(min=0), pairs) & MASK
    place = torch.ones_like(input_ids).cumsum(dim=1)
    return codes, place <= number.amax(dim=1, keepdim=True)


def hashed(codes: Tensor, mask: Tensor, order: int, bits: int) -> tuple[Tensor, Tensor]:
    """Buckets [N, T] of the n-gram that starts at each word, and a mask [N, T] of those that are whole."""
    code, whole = torch.zeros_like(codes), mask
    for step in range(order):
        following = functional.pad(codes, (0, step))[:, step : step + codes.shape[1]]
        there = functional.pad(mask, (0, step))[:, step : step + codes.shape[1]]
        code = (code * MULTIPLIER + following + 1) & MASK
        whole = whole & there
    return ((code * 40_503) >> 13) & ((1 << bits) - 1), whole


def views(
    input_ids: Tensor, attention_mask: Tensor, starts: Tensor, bits: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Buckets and masks [N, T] of the words, of their n-grams, and last of the tokens."""
    codes, mask = words(input_ids, attention_mask, starts)
    for order in ORDERS:
        yield hashed(codes, mask, order, bits)
    yield input_ids, attention_mask > 0


class HashedNgrams(nn.Module):
    """A table for each view: 2 ** bits buckets for each order, and every token by its spelling.

    Columns are what the bucket adds to the logit of each policy, and to the square of the text's length; in half
    precision, because they are most of what a model weighs.
    """

    def __init__(self, vocabulary: int, policies: int, bits: int) -> None:
        super().__init__()
        self.bits = bits
        for view, size in enumerate((*(1 << bits for _ in ORDERS), vocabulary)):
            self.register_buffer(f"table_{view}", torch.zeros(size, policies + 1, dtype=torch.float16))
        self.register_buffer("starts", torch.zeros(vocabulary, dtype=torch.int8))
        self.register_buffer("intercept", torch.zeros(policies))
        self.starts: Tensor
        self.intercept: Tensor

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits [N, P]: in each block the TF-IDF vector of the text, of unit length, times the weights."""
        seen = list(views(input_ids, attention_mask, self.starts, self.bits))
        logits = self.intercept
        for block in BLOCKS:
            found = torch.stack([self._sum(view, *seen[view]) for view in block]).sum(dim=0)
            logits = logits + found[:, :-1] / (found[:, -1:] + 1e-6).sqrt()
        return logits

    def _sum(self, view: int, buckets: Tensor, mask: Tensor) -> Tensor:
        found = functional.embedding(buckets, self.get_buffer(f"table_{view}")).float()
        return (found * mask.unsqueeze(-1)).sum(dim=1)
