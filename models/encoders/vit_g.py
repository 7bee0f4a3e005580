"""Pictures: the scaled vision transformers ViT-g/14 and ViT-G/14 (Zhai et al., 2021, arXiv 2106.04560) of timm."""

from __future__ import annotations

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.timm import timm_tower, transformer_fields
from models.encoders.base.encoder import Blueprint, Encoder, Usual
from models.encoders.base.towers import Plain


def build(blueprint: Blueprint) -> Plain:
    return timm_tower(blueprint, "vit_giant_patch14_224", **transformer_fields(blueprint))


def preset() -> Preset:
    return small_transformer("vit_g").replace(image_encoder="vit_g")


ENCODER = Encoder(
    name="vit_g",
    about="scaled vision transformer; architecture=vit_gigantic_patch14_224 is ViT-G",
    modalities=("image",),
    build=build,
    preset=preset,
    usual=Usual(
        weights="hf-hub:timm/vit_giant_patch14_clip_224.laion2b",
        licence="MIT",
        architecture="vit_giant_patch14_224",
        parameters=1_011_202_432,
        fields={"image_size": 224},
    ),
)
