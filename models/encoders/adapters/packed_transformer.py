"""Packing in the encoders of transformers, through its registry of attention functions."""

from __future__ import annotations

import inspect
from typing import Any, Self

import torch
from torch import Tensor, nn

from models.encoders.base.towers import UnfitWeightsError, attended
from models.layers.packing import Packed, attend, packed

PACKED, ORDINARY = "packed", "sdpa"  # attention functions by their names in the library
CLOSE = 1e-3  # of a small example, computed both ways


class PackedTransformer(nn.Module):
    """Any text encoder of the library whose positions can be given; packs while it trains.

    Raises UnfitWeightsError for a network that does not compute the same packed as not.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        _registered()
        self.model = model
        embeddings: Any = getattr(model, "embeddings", None)
        counts = hasattr(embeddings, "create_position_ids_from_input_ids")  # from the padding's number on
        self.first = embeddings.padding_idx + 1 if counts else 0
        self._tried()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, T, D]; zeros for padding where packed."""
        rows = packed(attention_mask) if self.training else None
        if rows is not None:
            return self._packed(input_ids, rows)
        mask = attended(attention_mask > 0).to(input_ids.dtype)
        return self.model(input_ids=input_ids, attention_mask=mask).last_hidden_state

    def train(self, mode: bool = True) -> Self:
        """The library's own attention serves."""
        super().train(mode)
        self.model.set_attn_implementation(PACKED if mode else ORDINARY)
        return self

    def _packed(self, input_ids: Tensor, rows: Packed) -> Tensor:
        found = self.model(
            input_ids=rows.pack(input_ids),
            attention_mask=rows.mask if rows.bounds is None else None,
            position_ids=rows.positions + self.first,
            packed=rows,
        )
        return rows.unpack(found.last_hidden_state)

    @torch.no_grad()
    def _tried(self) -> None:
        """Compare on two short texts; the library hands arguments on as each kind of network likes."""
        name = type(self.model).__name__
        if "position_ids" not in inspect.signature(self.model.forward).parameters:
            raise UnfitWeightsError(f"{name} takes no positions, which packing gives; use packing=false")
        if self.model.device.type == "meta":
            return
        ids = torch.tensor([[5, 6, 7], [8, 9, 0]], device=self.model.device)
        mask = torch.tensor([[1, 1, 1], [1, 1, 0]], device=self.model.device)
        rows, there = packed(mask), mask > 0
        assert rows is not None
        self.eval()
        plain = self(ids, mask)[there]
        self.model.set_attn_implementation(PACKED)
        if not torch.allclose(self._packed(ids, rows)[there], plain, atol=CLOSE):
            raise UnfitWeightsError(f"{name} does not compute the same packed as not; use packing=false")
        self.train()


def _registered() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(PACKED, _attention)
    AttentionMaskInterface.register(PACKED, sdpa_mask)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packed: Packed | None = None,
    **arguments: Any,
) -> tuple[Tensor, None]:
    """The library's own but for packed rows, [N, H, T, D] to [N, T, H, D]."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if packed is None or packed.bounds is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **arguments)
    return attend(query, key, value, packed).transpose(1, 2), None
