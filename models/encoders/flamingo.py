"""Text and pictures: Flamingo (Alayrac et al., 2022, arXiv 2204.14198) as transformers' Idefics, its open reproduction.

A language model that looks at pictures through gated cross-attention over a few latents of each.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.transformers import checked, loaded, tokenizer_of
from models.encoders.base.encoder import Blueprint, Encoder, Tokens, Tower, Usual
from models.encoders.base.towers import Normalise, attended, everywhere

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # CLIP's

NINE_BILLION = {
    "additional_vocab_size": 2,
    "cross_layer_interval": 4,
    "use_resampler": True,
    "qk_layer_norms": True,
}


class FlamingoTower(Tower):
    def __init__(self, whole: Any, blueprint: Blueprint) -> None:
        super().__init__()
        self.normalise = Normalise(MEAN, STD)
        model, config = whole.model, whole.config
        # the library freezes much of it; here the preset's tuning says what is trained
        model.requires_grad_(True)
        self.model, self.writes = model, blueprint.writes
        tied = config.tie_word_embeddings  # two names of one weight would be saved twice
        self.head = whole.lm_head if blueprint.writes and not tied else None
        for layer in model.gated_cross_attn_layers:
            layer.config = (
                config.dropout
            )  # the library drops out with its whole configuration as the probability
        self.text_width, self.image_width = config.hidden_size, config.vision_config.embed_dim
        checked(
            blueprint,
            tokens=config.max_position_embeddings,
            vocabulary=config.vocab_size + config.additional_vocab_size,
        )
        self.resized = config.vision_config.image_size != blueprint.preset.image_size

    def write(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tensor:
        return self.named(self.read(input_ids, attention_mask, seen).hidden)

    def named(self, hidden: Tensor) -> Tensor:
        """Logits [..., V] of the token after each, V with the tokens that were added to the language model's."""
        if self.head is not None:
            return self.head(hidden)
        table = self.model.embed_tokens
        rows = [table.weight]
        if table.num_additional_embeddings:
            rows.append(table.additional_embedding.weight)
        return functional.linear(hidden, torch.cat(rows))

    def read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tokens:
        """Every token may look at the picture, where there is one."""
        count = input_ids.shape[0]
        if seen is None:
            seen = Tokens(
                self.model.embed_tokens.weight.new_zeros(count, 1, self.image_width),
                torch.zeros_like(input_ids[:, :1], dtype=torch.bool),
            )
        looks = seen.mask.any(dim=1)[:, None, None].expand(-1, input_ids.shape[1], 1)
        hidden = self.interleaved(input_ids, attention_mask, seen.hidden.unsqueeze(1), looks)
        return Tokens(hidden, attention_mask > 0)

    def interleaved(self, input_ids: Tensor, attention_mask: Tensor, seen: Tensor, looks: Tensor) -> Tensor:
        """Hidden states [N, T, D] of texts among K pictures: seen [N, K, L, E], looks [N, T, K], at which of them each
        token may look.
        """
        hidden: Tensor = self.model(
            input_ids=input_ids,
            attention_mask=attended(attention_mask > 0).to(input_ids.dtype),
            image_encoder_embeddings=seen,
            image_attention_mask=looks.to(input_ids.dtype),
            use_cache=False,
        ).last_hidden_state
        return hidden

    def see(self, pixels: Tensor) -> Tokens:
        return everywhere(
            self.model.vision_model(
                pixel_values=self.normalise(pixels), interpolate_pos_encoding=self.resized
            ).last_hidden_state
        )


def build(blueprint: Blueprint) -> FlamingoTower:
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    if blueprint.weights is not None:
        return FlamingoTower(loaded(IdeficsForVisionText2Text, blueprint.weights), blueprint)
    full = blueprint.preset.architecture == "9b"
    config = IdeficsConfig(**(NINE_BILLION if full else small_config(blueprint)))
    return FlamingoTower(IdeficsForVisionText2Text(config), blueprint)


def small_config(blueprint: Blueprint) -> dict[str, Any]:
    preset = blueprint.preset
    return {
        "vocab_size": len(blueprint.pieces),
        "hidden_size": preset.width,
        "num_hidden_layers": preset.layers,
        "num_attention_heads": preset.heads,
        "intermediate_size": 4 * preset.width,
        "max_position_embeddings": preset.max_tokens,
        "cross_layer_interval": 2,
        "alpha_initializer": "ones",  # a gate that begins closed would keep a small network from looking
        "use_resampler": True,
        "pad_token_id": 0,
        "vision_config": {
            "embed_dim": preset.width,
            "num_hidden_layers": preset.layers,
            "num_attention_heads": preset.heads,
            "intermediate_size": 4 * preset.width,
            "image_size": preset.image_size,
            "patch_size": preset.patch_size,
        },
        "perceiver_config": {
            "resampler_n_latents": 16,
            "resampler_depth": 1,
            "resampler_n_heads": preset.heads,
            "resampler_head_dim": preset.width // preset.heads,
        },
    }


def preset() -> Preset:
    return small_transformer("flamingo").replace(text_encoder="flamingo", image_encoder="flamingo")


ENCODER = Encoder(
    name="flamingo",
    about="a language model that sees; architecture=9b is IDEFICS",
    modalities=("text", "image"),
    fuses=True,
    causal=True,
    build=build,
    preset=preset,
    usual=Usual(
        weights="hf-hub:HuggingFaceM4/idefics-9b",
        licence="other: LLaMA's for the language model, MIT for what was added",
        architecture="9b",
        parameters=8_393_211_920,
        fields={"image_size": 224, "max_tokens": 512},
    ),
    writes=True,
    tokenizer=tokenizer_of,
)
