"""Maps of pictures by a network of timm that is never trained: what several of its layers see, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from models.encoders.adapters.timm import MAP_AXES
from models.encoders.base.towers import FIELD_MEAN, FIELD_STD, Normalise, UnfitWeightsError, configured

LAYERS = 4  # from the last one back, in even steps
PROBED_SIZE = 64  # pixels of a picture that tells how many channels each has


class LayerMaps(nn.Module):
    """Pixels [M, 3, S, S] in -1 to 1 to the maps [M, C, H, W] of some layers; what all of them come to stands last."""

    def __init__(self, trunk: Any, size: int = PROBED_SIZE) -> None:
        super().__init__()
        about: dict[str, Any] = trunk.pretrained_cfg or {}
        self.normalise = Normalise(about.get("mean", FIELD_MEAN), about.get("std", FIELD_STD))
        self.trunk = trunk
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
    about = configured(folder, "timm")
    if not about.get("architecture"):
        raise UnfitWeightsError(f"{folder} holds no weights of timm: config.json names no architecture")
    known = timm.get_pretrained_cfg(about["architecture"])
    sized = {"img_size": size} if known is None or known.fixed_input_size else {}
    trunk = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0, **sized)
    if not hasattr(trunk, "forward_intermediates"):
        raise UnfitWeightsError(
            f"{about['architecture']} of timm does not tell what its layers see; take another as embedder"
        )
    return LayerMaps(trunk.eval().requires_grad_(requires_grad=False), size)
