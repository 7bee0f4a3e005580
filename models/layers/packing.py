"""Packing: tokens of several posts in one row, so that little is computed for padding (Krell et al., 2021,
arXiv 2107.02027). Every post sees itself alone, and its positions begin at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

NOBODY = -1  # the post of a slot that is padding


@dataclass(frozen=True, eq=False)
class Packed:
    """N posts of up to T tokens in R rows of W slots.

    slots [N, T]: which of the R W slots a token has, R W for padding; sources [R, W]: the other way round, N T for
    padding; positions [R, W]: of a token in its post; posts [R, W]: NOBODY for padding.
    """

    slots: Tensor
    sources: Tensor
    positions: Tensor
    posts: Tensor
    bounds: Tensor | None  # [N + 1], where each post begins in a single row of all tokens
    longest: int

    def pack(self, values: Tensor) -> Tensor:
        """[N, T] or [N, T, D] to [R, W] or [R, W, D], zeros where there is nothing."""
        return _taken(values.flatten(0, 1), self.sources)

    def unpack(self, hidden: Tensor) -> Tensor:
        """[R, W, D] to [N, T, D], zeros for padding."""
        return _taken(hidden.flatten(0, 1), self.slots)

    @property
    def mask(self) -> Tensor:
        """[R, 1, W, W], true where the first may look at the second; padding looks at padding, not at nothing."""
        return (self.posts[:, :, None] == self.posts[:, None, :]).unsqueeze(1)

    @property
    def visible(self) -> Tensor:
        """[R, W], true where there is a token."""
        return self.posts != NOBODY


def packed(attention_mask: Tensor) -> Packed | None:
    """How posts whose padding is behind their tokens are packed; None where there is no token.

    Where torch has attention over runs of any length (half precision on a GPU), all tokens form one row without
    padding; elsewhere rows are as long as the longest post.
    """
    lengths: list[int] = attention_mask.sum(dim=1).tolist()
    longest = max(lengths, default=0)
    if not longest:
        return None
    flat = attention_mask.is_cuda and torch.is_autocast_enabled("cuda")
    starts, slots = _in_one_row(lengths) if flat else _in_rows(lengths, longest)
    return _laid_out(attention_mask, starts, slots, longest, flat=flat)


def attend(query: Tensor, key: Tensor, value: Tensor, where: Tensor | Packed) -> Tensor:
    """query, key, value [N, H, T, D], attention over a mask [N, 1, 1 or T, T] or within the posts of packed rows."""
    if isinstance(where, Packed) and where.bounds is not None:
        return _attend_in_runs(query, key, value, where.bounds, where.longest)
    mask = where.mask if isinstance(where, Packed) else where
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def _attend_in_runs(query: Tensor, key: Tensor, value: Tensor, bounds: Tensor, longest: int) -> Tensor:
    """Torch's attention over runs, which drops none of what it attends to."""
    from torch.nn.attention.varlen import varlen_attn

    query, key, value = (part.squeeze(0).transpose(0, 1) for part in (query, key, value))  # [L, H, D]
    found = varlen_attn(query, key, value, bounds, bounds, longest, longest)
    assert isinstance(found, Tensor)
    return found.transpose(0, 1).unsqueeze(0)


def _in_one_row(lengths: Sequence[int]) -> tuple[list[int], int]:
    """Where each post begins, and the slots that there are."""
    starts = list(accumulate(lengths, initial=0))
    return starts[:-1], starts[-1]


def _in_rows(lengths: Sequence[int], width: int) -> tuple[list[int], int]:
    """First fit decreasing: the longest first, each in the first row that has room for it."""
    room: list[int] = []
    starts = [0] * len(lengths)
    for post in sorted(range(len(lengths)), key=lambda post: -lengths[post]):
        row = next((row for row, left in enumerate(room) if left >= lengths[post]), len(room))
        if row == len(room):
            room.append(width)
        starts[post] = row * width + width - room[row]
        room[row] -= lengths[post]
    return starts, len(room) * width


def _laid_out(mask: Tensor, starts: Sequence[int], slots: int, longest: int, *, flat: bool) -> Packed:
    (posts, tokens), device = mask.shape, mask.device
    shape = (1, slots) if flat else (slots // longest, longest)
    places = torch.arange(tokens, device=device)
    begun = torch.tensor(starts, device=device).unsqueeze(1) + places
    there = mask > 0
    owner = torch.full((slots,), NOBODY, device=device)
    source = torch.full((slots,), posts * tokens, device=device)
    position = torch.zeros(slots, dtype=torch.int64, device=device)
    occupied = begun[there]
    owner[occupied] = torch.arange(posts, device=device).unsqueeze(1).expand_as(begun)[there]
    source[occupied] = torch.arange(posts * tokens, device=device).view_as(begun)[there]
    position[occupied] = places.expand_as(begun)[there]
    bounds = torch.tensor([*starts, slots], dtype=torch.int32, device=device) if flat else None
    return Packed(
        slots=torch.where(there, begun, slots),
        sources=source.view(shape),
        positions=position.view(shape),
        posts=owner.view(shape),
        bounds=bounds,
        longest=longest,
    )


def _taken(rows: Tensor, places: Tensor) -> Tensor:
    """The rows at these places, zeros for the place behind the last."""
    return torch.cat([rows, rows.new_zeros(1, *rows.shape[1:])])[places]
