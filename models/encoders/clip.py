"""Text and pictures: CLIP (Radford et al., 2021, arXiv 2103.00020) of open_clip, EVA02-CLIP among its architectures."""

from __future__ import annotations

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.open_clip import OpenClipTower, load, tokenizer_of, towers_of
from models.encoders.base.encoder import Blueprint, Encoder, Usual


def build(blueprint: Blueprint) -> OpenClipTower:
    return OpenClipTower(load(blueprint, towers_of(blueprint.preset, len(blueprint.pieces))), blueprint)


def preset() -> Preset:
    return small_transformer("clip").replace(text_encoder="clip", image_encoder="clip")


ENCODER = Encoder(
    name="clip",
    about="dual encoder of text and pictures; EVA02-CLIP is architecture=EVA02-L-14",
    modalities=("text", "image"),
    causal=True,
    build=build,
    preset=preset,
    usual=Usual(
        weights="hf-hub:laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
        licence="MIT",
        architecture="ViT-L-14",
        parameters=427_616_513,
        fields={"image_size": 224, "max_tokens": 77},
    ),
    tokenizer=tokenizer_of,
)
