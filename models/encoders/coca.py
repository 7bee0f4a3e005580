"""Text and pictures: CoCa (Yu et al., 2022, arXiv 2205.01917) of open_clip: a dual encoder that also captions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.open_clip import (
    OpenClipTower,
    causal,
    load,
    places,
    projected,
    tokenizer_of,
    towers_of,
)
from models.encoders.base.encoder import Blueprint, Encoder, Tokens, Usual


class CocaTower(OpenClipTower):
    """Reads what its decoder makes of a text with the picture before it, where there is one; writes with the same."""

    def __init__(self, model: Any, blueprint: Blueprint) -> None:
        super().__init__(model, blueprint)
        self.decoder: Any = model.text_decoder if blueprint.reads and blueprint.sees else None
        self.writes = blueprint.writes and self.decoder is not None
        if self.decoder is not None and not self.writes:
            self.decoder.text_projection = None

    def read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tokens:
        """The library reads 76 tokens with padding and a class token behind them."""
        mask = attention_mask > 0
        hidden, pooled = self._tokens(input_ids, mask)
        embedding = functional.normalize(projected(pooled, self.text.text_projection), dim=-1)
        if seen is None or self.decoder is None:
            return Tokens(hidden, mask, embedding)
        both = torch.where(
            seen.mask.any(dim=1)[:, None, None], self.decoder.ln_final(self._decoded(hidden, seen)), hidden
        )
        return Tokens(both, mask, embedding)

    def write(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tensor:
        """A text without a picture passes the decoder by its self-attention alone."""
        hidden, _ = self._tokens(input_ids, attention_mask > 0)
        return projected(self.decoder.ln_final(self._decoded(hidden, seen)), self.decoder.text_projection)

    def _tokens(self, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states [N, T, D] and the class token's [N, D]."""
        text, length = self.text, input_ids.shape[1]
        padded = functional.pad(input_ids * mask, (0, 1))
        classes = text.cls_emb.view(1, 1, -1).expand(input_ids.shape[0], 1, -1)
        positions = text.positional_embedding
        positions = torch.cat([places(positions, length + 1), positions[-1:]])
        hidden = torch.cat([text.token_embedding(padded), classes], dim=1) + positions
        hidden = text.transformer(hidden, attn_mask=self._allowed(mask))
        return hidden[:, :length], text.ln_final(hidden[:, -1])

    def _allowed(self, mask: Tensor) -> Tensor:
        """Additive, [N * heads, T + 2, T + 2]. All published weights were trained with a mask one place off: the class
        token sees the tokens that are there and the first padding, but not itself.
        """
        length = mask.shape[1] + 2
        there = functional.pad(functional.pad(mask, (1, 0), value=True), (0, 1))[:, None, :]
        order = torch.arange(length, device=mask.device)
        allowed = (order[:, None] >= order[None, :]) & there
        additive = torch.zeros_like(allowed, dtype=self.text.cls_emb.dtype).masked_fill(
            ~allowed, float("-inf")
        )
        return additive[:, None].expand(-1, self.text.heads, -1, -1).reshape(-1, length, length)

    def _decoded(self, hidden: Tensor, seen: Tokens | None) -> Tensor:
        """The decoder's hidden states [N, T, D], before they are scaled; cross-attention where there is a picture."""
        mask = causal(hidden)
        for block, cross in zip(self.decoder.resblocks, self.decoder.cross_attn, strict=True):
            hidden = block(hidden, attn_mask=mask)
            if seen is not None:
                patches = seen.hidden[:, 1:]
                with_picture = cross(hidden, k_x=patches, v_x=patches)
                hidden = torch.where(seen.mask.any(dim=1)[:, None, None], with_picture, hidden)
        return hidden


def build(blueprint: Blueprint) -> CocaTower:
    return CocaTower(load(blueprint, small_config(blueprint)), blueprint)


def small_config(blueprint: Blueprint) -> dict[str, Any]:
    preset = blueprint.preset
    config = towers_of(preset, len(blueprint.pieces))
    config["vision_cfg"] |= {
        "output_tokens": True,
        "attentional_pool": True,
        "attn_pooler_queries": 32,
        "attn_pooler_heads": preset.heads,
    }
    config["text_cfg"] |= {"context_length": preset.max_tokens + 1, "embed_cls": True, "output_tokens": True}
    config["multimodal_cfg"] = {
        "context_length": preset.max_tokens + 1,
        "vocab_size": len(blueprint.pieces),
        "width": preset.width,
        "heads": preset.heads,
        "layers": max(1, preset.layers // 2),
    }
    return config


def preset() -> Preset:
    return small_transformer("coca").replace(text_encoder="coca", image_encoder="coca")


ENCODER = Encoder(
    name="coca",
    about="dual encoder with a captioning decoder",
    modalities=("text", "image"),
    fuses=True,
    causal=True,
    build=build,
    preset=preset,
    usual=Usual(
        weights="hf-hub:laion/CoCa-ViT-L-14-laion2B-s13B-b90k",
        licence="MIT",
        architecture="coca_ViT-L-14",
        parameters=600_504_833,  # without the head that writes
        fields={"image_size": 224, "max_tokens": 75},
    ),
    writes=True,
    tokenizer=tokenizer_of,
)
