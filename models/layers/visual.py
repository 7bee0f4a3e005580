"""What a frozen encoder says of a post's picture and of its video, as blocks of features for linear models.

A block is a view of its own: what is seen, and for each layer of the encoder how much what it sees changes from frame
to frame, and how abruptly: a blow differs from a walk less in how far things move than in that they move otherwise than
just before. Early layers tell that something moves, late ones that it is people; which of them tells a policy is left
to the regression, which weighs the blocks (models.layers.wide). Each block begins with a one, and is zeros in a post
without a picture, or without two frames: there it is silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from models.domain.preset import Modality
from models.layers.motion import gathered


class Maps(Protocol):
    """Pixels [M, 3, S, S] to maps [M, C, H, W] of several layers, of so many channels C each."""

    channels: tuple[int, ...]

    def __call__(self, pixels: Tensor) -> list[Tensor]: ...


class Visual(nn.Module):
    """Pixels and places, as models.network.network takes them, to [N, F]: blocks of `widths` side by side."""

    def __init__(self, maps: Maps, modalities: Sequence[Modality]) -> None:
        super().__init__()
        self.maps = maps
        self.pictures, self.videos = "image" in modalities, "video" in modalities
        seen, changed = 1 + maps.channels[-1], [1 + 2 * channels for channels in maps.channels]
        self.widths = (*([seen] if self.pictures else []), *([seen, *changed] if self.videos else []))

    @property
    def width(self) -> int:
        return sum(self.widths)

    def forward(self, pixels: Tensor, image_index: Tensor, frame_index: Tensor) -> Tensor:
        maps, blocks = self.maps(pixels), []
        mean = maps[-1].mean(dim=(2, 3))
        if self.pictures:
            blocks.append(_mean(mean, image_index[:, None]))
        if self.videos:
            blocks.append(_mean(mean, frame_index))
            second, third = _after(frame_index, 1), _after(frame_index, 2)
            for found in maps:
                change = _change(found)
                # twice the frame before less those on either side of it: the change of a change
                blocks += [_mean(_size(change), second), _mean(_size(_change(change)), third)[:, 1:]]
        return torch.cat(blocks, dim=1)


def _change(maps: Tensor) -> Tensor:
    """[M, C, H, W], less those of the picture before."""
    return maps - gathered(maps, torch.arange(maps.shape[0], device=maps.device) - 1)


def _size(maps: Tensor) -> Tensor:
    """The mean size of each channel over all places: [M, C, H, W] to [M, C]."""
    return maps.abs().mean(dim=(2, 3))


def _after(frame_index: Tensor, frames: int) -> Tensor:
    """Where the frames [N, F - frames] are that have so many of their video before them, -1 for others."""
    return torch.where(frame_index[:, :-frames] >= 0, frame_index[:, frames:], -1)


def _mean(rows: Tensor, places: Tensor) -> Tensor:
    """Of the rows [M, C] at places [N, K], -1 for none: [N, 1 + C], a one before it, zeros where there is no row."""
    count = (places >= 0).to(rows.dtype).sum(dim=1, keepdim=True)
    mean = gathered(rows, places).sum(dim=1) / count.clamp(min=1)
    return torch.cat([count.clamp(max=1), mean], dim=1)
