"""Maps of pictures by a network of timm that is never trained: what several of its layers see, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.domain.preset import small_transformer
from models.encoders.adapters.timm import MAP_AXES, TimmTokens, timm_tower
from models.encoders.base.encoder import Blueprint
from models.encoders.base.towers import UnfitWeightsError

LAYERS = 4  # from the last one back, in even steps


class LayerMaps(nn.Module):
    """Pixels [M, 3, S, S] in -1 to 1 to the maps [M, C, H, W] of some layers; what all of them come to stands last."""

    def __init__(self, network: TimmTokens, size: int) -> None:
        super().__init__()
        self.normalise = network.normalise
        self.trunk: Any = network.trunk
        with torch.no_grad():
            self.channels = tuple(found.shape[1] for found in self(torch.zeros(1, 3, size, size)))

    def forward(self, pixels: Tensor) -> list[Tensor]:
        final, maps = self.trunk.forward_intermediates(self.normalise(pixels))
        chosen = maps[::-1][:: max(1, len(maps) // LAYERS)][:LAYERS][::-1]
        # the head that a convolutional network has behind its layers; a transformer's last tokens are its last map
        headed = final.ndim == MAP_AXES and final.shape[2:] == maps[-1].shape[2:]
        return [*chosen, final] if headed else chosen


def layer_maps(folder: Path, size: int) -> LayerMaps:
    """Of a folder of timm's, for pictures of so many pixels a side; raises UnfitWeightsError."""
    preset, pieces = small_transformer("image").replace(image_size=size), torch.zeros(1, 1, dtype=torch.int64)
    blueprint = Blueprint(preset=preset, pieces=pieces, modalities=("image",), weights=folder)
    network = timm_tower(blueprint, "").image
    assert isinstance(network, TimmTokens)
    if not hasattr(network.trunk, "forward_intermediates"):
        raise UnfitWeightsError(
            f"{type(network.trunk).__name__} of timm does not tell what its layers see; embed pictures by another"
        )
    return LayerMaps(network.eval().requires_grad_(requires_grad=False), size)
