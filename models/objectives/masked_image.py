"""Masked image modelling: tell what the hidden patches of a picture hold from those that are seen.

With a teacher, its features of the whole picture, by their cosine, as in EVA (Fang et al., 2022, arXiv 2211.07636,
section 2.1); without one, the picture's own pixels, normalised patch by patch, by their squared error, as in MAE (He et
al., 2021, arXiv 2111.06377, section 3). Patches are hidden in the picture itself, by a patch that is learned, so that
every family that sees can learn so; places that a family's tokens do not stand for are asked for by attention alone, as
in CrossMAE (Fu et al., 2024, arXiv 2401.14391, section 3.2).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.distributed.gathering import shared_mean
from models.layers.fusion import CrossAttention
from models.objectives.base.self_supervised import (
    Learned,
    Material,
    ObjectiveHead,
    Posts,
    SelfSupervised,
    nothing,
)
from models.objectives.base.teacher import Teacher, grid_side, on_grid, regridded

HIDDEN = 0.4  # share of patches, as in EVA
NEARLY_EVEN = 1e-6  # added to the variance of a patch, as in MAE
FINE = 4  # patches of a side from which on a family's own grid is fine enough to hide its cells


class MaskedImage(ObjectiveHead):
    def __init__(self, material: Material) -> None:
        super().__init__()
        preset, width = material.preset, material.backbone.tower("image").image_width
        self.teacher = Teacher(material.teacher, preset) if material.teacher else None
        own = grid_side(_tokens(material))
        self.on_grid = own is not None and own >= FINE
        self.side = (
            own if own is not None and self.on_grid else max(FINE, preset.image_size // preset.patch_size)
        )
        self.patch = preset.image_size // self.side  # pixels of a side
        self.hidden = nn.Parameter(torch.zeros(3, self.patch, self.patch))  # what is seen in place of one
        self.asking = None if self.on_grid else Asking(width, self.side**2)
        told = self.teacher.width if self.teacher else 3 * self.patch**2
        self.tell = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, told))

    def forward(self, posts: Posts) -> Learned:
        """The mean loss at the hidden patches of every picture and frame."""
        pixels = posts.batch.pixels[posts.looked_at]
        if posts.lack(pixels):
            return nothing(self.hidden)
        hidden = self._drawn(len(pixels), pixels.device)
        seen = posts.backbone.see(self._covered(pixels, hidden)).hidden
        places = self.asking(seen) if self.asking else regridded(on_grid(seen), self.side)
        found = self.tell(places)[hidden].float()
        if self.teacher:
            wanted = self.teacher.features(pixels, self.side)[hidden].float()
            losses = 1 - functional.cosine_similarity(found, wanted, dim=1)
        else:
            losses = (found - self._patches(pixels)[hidden]).square().mean(dim=1)
        return Learned(shared_mean(losses), len(losses), {})

    def _drawn(self, pictures: int, device: torch.device) -> Tensor:
        """Which patches [M, side * side] are hidden; as many of each picture."""
        drawn = torch.rand(pictures, self.side**2, device=device)
        return drawn.argsort(dim=1).argsort(dim=1) < round(HIDDEN * self.side**2)

    def _covered(self, pixels: Tensor, hidden: Tensor) -> Tensor:
        size = pixels.shape[-1]
        cells = hidden.unflatten(1, (self.side, self.side)).repeat_interleave(self.patch, 1)
        cells = cells.repeat_interleave(self.patch, 2)
        margin = size - cells.shape[-1]  # pixels that no patch reaches
        cells = functional.pad(cells, (0, margin, 0, margin))[:, None]
        tiles = self.hidden.repeat(1, self.side + 1, self.side + 1)[:, :size, :size]
        return torch.where(cells, tiles.to(pixels.dtype), pixels)

    def _patches(self, pixels: Tensor) -> Tensor:
        """[M, 3, S, S] to [M, side * side, 3 * patch * patch], each patch of mean 0 and deviation 1."""
        reach = self.side * self.patch
        cut = functional.unfold(pixels[..., :reach, :reach], self.patch, stride=self.patch).transpose(1, 2)
        return (cut - cut.mean(dim=2, keepdim=True)) / (cut.var(dim=2, keepdim=True) + NEARLY_EVEN).sqrt()


class Asking(nn.Module):
    """Places that ask a picture's tokens [M, L, D] what stands there, [M, places, D]."""

    def __init__(self, width: int, places: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(places, width) * 0.02)
        self.attention = CrossAttention(width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        everywhere = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        queries = self.places.expand(len(hidden), -1, -1)
        return queries + self.attention(queries, hidden, everywhere)


def build(material: Material) -> MaskedImage:
    return MaskedImage(material)


@torch.no_grad()
def _tokens(material: Material) -> int:
    """How many tokens the backbone makes of a picture."""
    backbone, size = material.backbone.eval(), material.preset.image_size
    found = backbone.see(backbone.log_scale.new_zeros(1, 3, size, size)).hidden.shape[1]
    backbone.train()
    return found


OBJECTIVE = SelfSupervised(name="masked_image", needs=("sees",), build=build, taught=True)
