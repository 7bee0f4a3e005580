"""Pictures: ViT-22B (Dehghani et al., 2023, arXiv 2302.05442): attention beside feed-forward, queries and
keys normalised and projected without biases. timm's parallel scaling blocks are that layer.

No weights were ever published; the full network is for planning, and a scaled one trains.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from timm.models.vision_transformer import ParallelScalingBlock, VisionTransformer
from torch import nn

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.timm import TimmTokens, transformer_fields
from models.encoders.base.encoder import Blueprint, Encoder, Usual
from models.encoders.base.towers import Plain, UnfitWeightsError

FULL = "vit_22b"
DIMENSIONS = {
    FULL: {"patch_size": 14, "embed_dim": 6144, "depth": 48, "num_heads": 48}
}  # the paper's table 1


def build(blueprint: Blueprint) -> Plain:
    preset = blueprint.preset
    if blueprint.weights is not None:
        raise UnfitWeightsError("nobody has published weights of ViT-22B; leave weights empty")
    if preset.architecture and preset.architecture not in DIMENSIONS:
        raise UnfitWeightsError(
            f"vit_22b has no architecture {preset.architecture!r}; choose one of: {', '.join(DIMENSIONS)}"
        )
    dimensions = DIMENSIONS.get(preset.architecture) or transformer_fields(blueprint)
    return Plain(image=TimmTokens(network(preset.image_size, **dimensions)), width=dimensions["embed_dim"])


def network(size: int, **dimensions: Any) -> VisionTransformer:
    """The feed-forward layer is four times as wide as a token."""
    return VisionTransformer(
        img_size=size,
        **dimensions,
        mlp_ratio=4,
        qkv_bias=False,
        qk_norm=True,
        class_token=False,
        global_pool="avg",
        num_classes=0,
        block_fn=ParallelScalingBlock,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    )


def preset() -> Preset:
    return small_transformer("vit_22b").replace(image_encoder="vit_22b")


ENCODER = Encoder(
    name="vit_22b",
    about="parallel blocks with query-key normalisation; the full one for planning, a scaled one to train",
    modalities=("image",),
    build=build,
    preset=preset,
    usual=Usual(
        weights="",
        licence="never published",
        architecture=FULL,
        parameters=21_750_859_776,
        fields={"image_size": 224},
    ),
)
