"""A teacher: a network that has learned to see already, whose features of a picture another learns to tell."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from models.domain.preset import Preset
from models.encoders import ENCODERS
from models.encoders.base.encoder import Blueprint, Tower
from models.encoders.base.towers import UnfitWeightsError
from models.network.backbone import Backbone
from models.network.backbone_folder import is_backbone

CLIP, CLIP_CONFIG = "clip", "open_clip_config.json"


class Teacher:
    """Frozen; no module of the one that learns, so that it is neither trained nor kept with it, nor shared out: it has
    values where a learner has shapes alone.
    """

    def __init__(self, folder: Path, preset: Preset) -> None:
        with torch.no_grad(), torch.device("cpu"):
            self.tower, self.size = _opened(folder, preset)
            self.tower.eval().requires_grad_(False)
            tokens = self.tower.see(torch.zeros(1, 3, self.size, self.size)).hidden
        self.width = tokens.shape[2]
        if grid_side(tokens.shape[1]) is None:
            raise UnfitWeightsError(
                f"the teacher in {folder} makes {tokens.shape[1]} tokens of a picture, which are no grid; choose "
                "one that sees in patches, such as clip or eva"
            )

    @torch.no_grad()
    def features(self, pixels: Tensor, side: int) -> Tensor:
        """[M, 3, S, S] in -1 to 1 to features [M, side * side, F], row after row."""
        self.tower.to(pixels.device)
        if pixels.shape[-1] != self.size:
            pixels = functional.interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True)
        return regridded(on_grid(self.tower.see(pixels).hidden), side)


def grid_side(tokens: int) -> int | None:
    """The side of the grid that tokens are, behind at most one of the whole picture; None where they are no grid."""
    for count in (tokens, tokens - 1):
        if count > 0 and math.isqrt(count) ** 2 == count:
            return math.isqrt(count)
    return None


def on_grid(hidden: Tensor) -> Tensor:
    """Tokens [M, L, D] of which some are a grid, to [M, D, side, side]."""
    side = grid_side(hidden.shape[1])
    assert side is not None
    return hidden[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))


def regridded(grid: Tensor, side: int) -> Tensor:
    """[M, D, H, H] to [M, side * side, D]."""
    if grid.shape[-1] != side:
        grid = functional.interpolate(grid, (side, side), mode="bilinear", antialias=True)
    return grid.flatten(2).transpose(1, 2)


def _opened(folder: Path, preset: Preset) -> tuple[Tower, int]:
    """The tower that sees of a backbone, or of a folder of CLIP's weights, and the size of its pictures."""
    if is_backbone(folder):
        backbone = Backbone.load(folder)
        if not backbone.seer:
            raise UnfitWeightsError(f"the teacher in {folder} does not see; choose a backbone of pictures")
        return backbone.tower("image"), backbone.preset.image_size
    if not (folder / CLIP_CONFIG).exists():
        raise UnfitWeightsError(
            f"the teacher in {folder} is neither a backbone nor open_clip's: {CLIP_CONFIG} is missing"
        )
    blueprint = Blueprint(
        preset=preset, pieces=torch.zeros(1, 1, dtype=torch.int64), modalities=("image",), weights=folder
    )
    return ENCODERS[CLIP].build(blueprint), preset.image_size
