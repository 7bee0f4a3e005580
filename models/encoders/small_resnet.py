"""Images: timm's smallest residual network without pretrained weights; every place of its last map is a patch."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn

from models.encoder import Encoder
from models.preset import Preset


class SmallResnet(nn.Module):
    def __init__(self, width: int, dropout: float, size: int) -> None:
        super().__init__()
        self.trunk = timm.create_model("test_resnet", pretrained=False, num_classes=0, global_pool="")
        self.project = nn.Conv2d(self.trunk.num_features, width, kernel_size=1)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            side = self.trunk.eval()(torch.zeros(1, 3, size, size)).shape[-1]
        self.trunk.train()
        self.place = nn.Parameter(torch.randn(side * side, width) * 0.02)

    def forward(self, pixels: Tensor) -> Tensor:
        """[M, 3, S, S] in -1 to 1 to patches [M, L, width]."""
        patches = self.project(self.trunk(pixels)).flatten(2).transpose(1, 2)
        return self.dropout(self.norm(patches) + self.place)


def build(preset: Preset, pieces: Tensor) -> SmallResnet:  # noqa: ARG001 - one signature for all families
    return SmallResnet(preset.width, preset.dropout, preset.image_size)


ENCODER = Encoder(name="small_resnet", modality="image", build=build)
