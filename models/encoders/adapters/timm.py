"""Networks of timm as image modules: every token of their last layer."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import timm
from torch import Tensor, nn

from models.encoders.base.encoder import Blueprint
from models.encoders.base.towers import (
    CONFIG,
    FIELD_MEAN,
    FIELD_STD,
    Normalise,
    Plain,
    UnfitWeightsError,
    bare,
    configured,
    loading,
)

MAP_AXES = 4  # of what a convolutional network makes of pictures


class TimmTokens(nn.Module):
    """Pixels in -1 to 1 to the tokens [M, L, D] before pooling."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        about: dict[str, Any] = getattr(trunk, "pretrained_cfg", None) or {}
        self.normalise = Normalise(about.get("mean", FIELD_MEAN), about.get("std", FIELD_STD))
        self.trunk = trunk
        self.channels_last = getattr(trunk, "output_fmt", None) == "NHWC"

    def forward(self, pixels: Tensor) -> Tensor:
        """[M, 3, S, S] to [M, L, D]; every place of a convolutional network's last map is a token."""
        found: Tensor = self.trunk.forward_features(self.normalise(pixels))  # type: ignore[operator]
        if found.ndim < MAP_AXES:
            return found
        return found.flatten(1, 2) if self.channels_last else found.flatten(2).transpose(1, 2)


def timm_tower(blueprint: Blueprint, small: str, **fields: Any) -> Plain:
    """The network of a folder of weights, of an architecture with random weights, or `small` with `fields`."""
    preset, folder = blueprint.preset, blueprint.weights
    if folder is not None and not configured(folder, "timm").get("architecture"):
        raise UnfitWeightsError(f"{folder} holds no weights of timm: {CONFIG} names no architecture")
    if not folder and preset.architecture and not timm.is_model(preset.architecture):
        raise UnfitWeightsError(
            f"timm has no architecture {preset.architecture!r}; choose one of timm.list_models()"
        )
    name = f"local-dir:{folder}" if folder else preset.architecture or small
    with loading(folder, "timm") if folder else nullcontext():
        trunk = timm.create_model(
            name,
            pretrained=folder is not None and not bare(folder),
            num_classes=0,
            **({"img_size": preset.image_size} if _is_of_one_size(name, folder) else {}),
            **({} if folder or preset.architecture else fields),
        )
    return Plain(image=TimmTokens(trunk), width=trunk.num_features)


def _is_of_one_size(name: str, folder: Path | None) -> bool:
    """Whether a network is built for pictures of one size, as transformers with places are; others take any."""
    if folder:
        name = str(configured(folder, "timm")["architecture"])
    about = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    return about is None or bool(about.fixed_input_size)


def transformer_fields(blueprint: Blueprint) -> dict[str, Any]:
    """A small vision transformer in timm's words."""
    preset = blueprint.preset
    return {
        "patch_size": preset.patch_size,
        "embed_dim": preset.width,
        "depth": preset.layers,
        "num_heads": preset.heads,
    }
