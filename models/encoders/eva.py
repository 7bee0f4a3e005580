"""Pictures: EVA (Fang et al., 2022, arXiv 2211.07636) and EVA-02 (2023, arXiv 2303.11331) of timm.

The halves of EVA02-CLIP, which read as well, are networks of the family clip: architecture=EVA02-L-14.
"""

from __future__ import annotations

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.timm import timm_tower, transformer_fields
from models.encoders.base.encoder import Blueprint, Encoder, Usual
from models.encoders.base.towers import Plain


def build(blueprint: Blueprint) -> Plain:
    side = blueprint.preset.image_size // blueprint.preset.patch_size
    return timm_tower(
        blueprint, "eva02_tiny_patch14_224", ref_feat_shape=(side, side), **transformer_fields(blueprint)
    )


def preset() -> Preset:
    return small_transformer("eva").replace(image_encoder="eva")


ENCODER = Encoder(
    name="eva",
    about="masked image modelling against CLIP's features; architecture=eva_giant_patch14_224 is EVA-g",
    modalities=("image",),
    build=build,
    preset=preset,
    usual=Usual(
        weights="hf-hub:timm/eva02_large_patch14_224.mim_m38m",
        licence="MIT",
        architecture="eva02_large_patch14_224",
        parameters=303_268_800,
        fields={"image_size": 224},
    ),
)
