"""Pictures and frames as one reads them: whole, in their shape, large enough for letters. Needs no torch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.data import video
from models.data.pictures import looked
from models.data.sampling import evenly

LEAST_SIDE = 288  # pixels of the larger side: letters of a smaller picture are too small to be found
MOST_ENLARGED = 4  # times


PAGE = "page"  # tells this way of looking from those of models


class Page(NamedTuple):
    """How a reader looks: at so many pictures of a part, their larger side so many pixels at most."""

    kind: str
    side: int
    frames: int


def of_image(image: bytes, page: Page) -> NDArray[np.uint8]:
    """[K, H, W, 3], one of a still picture; raises BrokenPictureError."""
    found = looked(image, page.side, lambda shown: np.asarray(_sized(shown, page.side))).made
    return np.stack([found[place] for place in evenly(len(found), [], page.frames)])


def of_video(data: bytes, page: Page) -> NDArray[np.uint8]:
    """[K, H, W, 3], frames between which something changes; raises BrokenVideoError."""
    found = [_sized(Image.fromarray(frame), page.side) for frame in video.whole(data, page.frames, page.side)]
    return np.stack([np.asarray(frame.resize(found[0].size)) for frame in found])


def _sized(shown: Image.Image, side: int) -> Image.Image:
    """With its larger side between LEAST_SIDE, as far as MOST_ENLARGED allows, and `side`."""
    larger = max(shown.size)
    scale = min(side / larger, max(1.0, min(MOST_ENLARGED, LEAST_SIDE / larger)))
    if scale == 1:
        return shown
    size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
    return shown.resize(size, Image.Resampling.BICUBIC)
