"""Views: each post's pictures are cut and mirrored by chance, so that no network learns a picture by heart.

The cuts' area and shape are drawn as for Inception (Szegedy et al., 2014, arXiv 1409.4842, section 6).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.ops import roi_align

from models.data.loader import Batch
from models.domain.preset import Preset

MAX_ASPECT_RATIO = 4 / 3  # one side of a cut by the other
AREA, SHAPE, LEFT, TOP, MIRROR = range(5)  # columns of what is drawn
HALF = 0.5


def draws(posts: int, seed: int) -> Tensor:
    """What decides the views of so many posts: [posts, 5] in 0 to 1, the same on every machine."""
    return torch.rand(posts, 5, generator=torch.Generator().manual_seed(seed))


def viewed(batch: Batch, drawn: Tensor, preset: Preset) -> Batch:
    """The batch with pixels [M, 3, S, S] as the preset's `crop_area` and `mirror` ask, on the device where they are.

    `drawn` has a row for each post [N, 5]; its picture and the frames of its video are cut alike. torchvision's
    transforms would cut the whole batch alike, so that its `roi_align` does it, which is exact where nothing is cut.
    """
    if (preset.crop_area == 1 and not preset.mirror) or not len(batch.pixels):
        return batch
    drawn = drawn.to(batch.pixels.device)[_owners(batch)]
    pixels = batch.pixels
    if preset.crop_area < 1:
        corners = _corners(drawn, preset.crop_area) * preset.image_size
        pixels = roi_align(pixels, _numbered(corners), preset.image_size, sampling_ratio=1, aligned=True)
    if preset.mirror:
        pixels = torch.where((drawn[:, MIRROR] < HALF)[:, None, None, None], pixels.flip(-1), pixels)
    return batch._replace(pixels=pixels)


def _owners(batch: Batch) -> Tensor:
    """The post of each picture, [M]; the first for one that is nobody's."""
    places = torch.cat([batch.image_index[:, None], batch.frame_index], dim=1)
    posts = torch.arange(len(places), device=places.device)[:, None].expand_as(places)
    found = torch.zeros(len(batch.pixels) + 1, dtype=torch.int64, device=places.device)
    found.scatter_(0, places.flatten() + 1, posts.flatten())  # -1 is none, and gives its place away
    return found[1:]


def _corners(drawn: Tensor, least: float) -> Tensor:
    """Left, top, right and bottom [M, 4] in 0 to 1, of an area of at least so much."""
    area = least + (1 - least) * drawn[:, AREA]
    reach = (-area.log()).clamp(
        max=math.log(MAX_ASPECT_RATIO)
    )  # beyond it a side would be longer than the picture's
    shape = ((2 * drawn[:, SHAPE] - 1) * reach).exp()
    width, height = (area * shape).sqrt(), (area / shape).sqrt()
    left, top = drawn[:, LEFT] * (1 - width), drawn[:, TOP] * (1 - height)
    return torch.stack([left, top, left + width, top + height], dim=1)


def _numbered(corners: Tensor) -> Tensor:
    """As torchvision takes boxes: behind the place of their picture, [M, 5]."""
    return torch.cat([torch.arange(len(corners), device=corners.device)[:, None], corners], dim=1)
