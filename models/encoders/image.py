"""Pictures: any network of timm, from its folder or from its name with random weights; every place of its last map."""

from __future__ import annotations

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.layer_maps import layer_maps
from models.encoders.adapters.timm import timm_tower, transformer_fields
from models.encoders.base.encoder import Blueprint, Encoder, Usual
from models.encoders.base.towers import Plain


def build(blueprint: Blueprint) -> Plain:
    return timm_tower(blueprint, "vit_tiny_patch16_224", **transformer_fields(blueprint))


def preset() -> Preset:
    return small_transformer("image").replace(image_encoder="image")


ENCODER = Encoder(
    name="image",
    about="any network of timm that sees pictures",
    modalities=("image",),
    build=build,
    preset=preset,
    usual=Usual(
        weights="hf-hub:timm/tf_efficientnet_lite0.in1k",
        licence="Apache-2.0",
        architecture="tf_efficientnet_lite0",
        parameters=3_371_008,
        fields={"image_size": 224},
    ),
    maps=layer_maps,
)
