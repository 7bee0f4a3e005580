"""Images as the model sees them; training and serving both use this. Needs no torch."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.data import first_preprocessing
from models.data.pictures import BrokenPictureError, looked, telling
from models.domain.preprocessing import PREPROCESSING

Kind = TypeVar("Kind", np.float32, np.uint8)

HALF_BYTE = 127.5  # of the highest byte
PLAIN = 4.0  # deviation of the levels of a picture that shows nothing


class Sight(NamedTuple):
    """How a model looks at pictures: squeezed to squares of so many pixels a side."""

    size: int
    preprocessing: int = PREPROCESSING


class Shown(NamedTuple):
    """pictures: [K, 3, S, S] as bytes, of an image or a video; unseen: what of it is not among them, empty if nothing
    is missed.
    """

    pictures: NDArray[np.uint8]
    unseen: str


def pixels(image: bytes | None, size: int, preprocessing: int = PREPROCESSING) -> NDArray[np.float32] | None:
    """[3, size, size] in -1 to 1, squeezed to a square; None where there is no image or it cannot be read."""
    found = picture(image, size, preprocessing)
    return None if found is None else scaled(found)


def picture(image: bytes | None, size: int, preprocessing: int = PREPROCESSING) -> NDArray[np.uint8] | None:
    """The same as bytes: a quarter of the memory, for whoever scales them where they are used.

    Of an animation, the first frame that is looked at and shows something.
    """
    if not image:
        return None
    if preprocessing < PREPROCESSING:
        return first_preprocessing.picture(image, size)
    try:
        return telling(image, size, partial(squeezed, size=size), _shows)
    except BrokenPictureError:
        return None


def shown(image: bytes, sight: Sight) -> Shown:
    """What a model that looks so is shown of an image; raises BrokenPictureError."""
    size, preprocessing = sight
    if preprocessing == PREPROCESSING:
        seen = looked(image, size, partial(squeezed, size=size))
        return Shown(np.stack(seen.made), seen.unseen)
    found = first_preprocessing.picture(image, size)
    if found is None:
        raise BrokenPictureError("it cannot be read")
    return Shown(found[None], "")


def squeezed(shown: Image.Image, size: int) -> NDArray[np.uint8]:
    """[3, size, size]."""
    small = shown.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))


def _shows(found: NDArray[np.uint8]) -> bool:
    return bool(found.std(axis=(1, 2)).max() >= PLAIN)


def scaled(found: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes to -1 to 1."""
    return found.astype(np.float32) / HALF_BYTE - 1


def stacked(
    images: list[NDArray[Kind] | None],
    clips: list[NDArray[Kind] | None],
    size: int,
    frames: int,
    kind: type[Kind],
) -> tuple[NDArray[Kind], NDArray[np.int64], NDArray[np.int64]]:
    """The pictures that are there [M, 3, S, S], and where among them each of N posts has its image [N] and the frames
    of its video [N, frames]; -1 for none. A clip is [F, 3, S, S] with at most so many.
    """
    present = [image[None] for image in images if image is not None]
    index, frame_index = np.full(len(images), -1, np.int64), np.full((len(images), frames), -1, np.int64)
    index[[place for place, image in enumerate(images) if image is not None]] = np.arange(len(present))
    count = len(present)
    for place, clip in enumerate(clips):
        if clip is not None:
            frame_index[place, : len(clip)] = np.arange(count, count + len(clip))
            present.append(clip)
            count += len(clip)
    pictures = np.concatenate(present) if present else np.zeros((0, 3, size, size), kind)
    return pictures, index, frame_index
