"""Pictures as a person sees them: the one opener for training, serving, hashes and near-duplicates. Needs no torch.

What the bytes are is told by the bytes. How large a picture is, and how many frames an animation has, is read from its
structure without a pixel being decoded, so that its cost is known before.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from models.data.colors import on_white
from models.data.media_limits import MAX_ANIMATION_FRAMES, MAX_PICTURE_PIXELS
from models.data.picture_sizes import KINDS, SIZES
from models.data.sampling import evenly

PROBED_FRAMES = 8  # frames of an animation that are looked at

READABLE = "JPEG, PNG, WebP, GIF, AVIF and BMP are read"
OTHERS = {
    rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)": "HEIC is not read",
    rb"II\*\0|MM\0\*|II\+\0|MM\0\+": "TIFF is not read",
    rb"\s*<(\?xml|svg|!DOCTYPE svg)": "SVG is not read",
    rb"%PDF": "PDF is not read",
    rb"8BPS": "Photoshop's own files are not read",
    rb"\0\0\x01\0": "icons are not read",
    rb"\xff\x0a|\0\0\0\x0cJXL ": "JPEG XL is not read",
    rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51": "JPEG 2000 is not read",
    rb"....ftyp|\x1aE\xdf\xa3": "it is a video",
}

Made = TypeVar("Made")


class BrokenPictureError(ValueError):
    """Bytes of which no picture can be had; the message says why."""


class HugePictureError(BrokenPictureError):
    """A picture that would cost too much to decode."""


@dataclass(frozen=True)
class PictureAbout:
    """What a picture is before a pixel is decoded.

    kind: Pillow's name of the format; frames: 1 of a still one; cost_pixels: what is decoded at most to look at it.
    """

    kind: str
    width: int
    height: int
    frames: int

    @property
    def decoded(self) -> int:
        """Frames that are decoded at most: what comes after them is not looked at."""
        return max(
            1, min(self.frames, MAX_ANIMATION_FRAMES, MAX_PICTURE_PIXELS // max(1, self.width * self.height))
        )

    @property
    def cost_pixels(self) -> int:
        """An animation of more frames than are looked at is decoded twice: to choose them, and to look at them."""
        return self.width * self.height * self.decoded * (2 if self.decoded > PROBED_FRAMES else 1)


@dataclass(frozen=True)
class Looked(Generic[Made]):
    """What was made of the frames of a picture that were looked at, one of a still picture.

    unseen: what of an animation was not looked at, empty where nothing.
    """

    made: list[Made]
    unseen: str = ""


def kind(image: bytes) -> str:
    """Pillow's name of the format; raises BrokenPictureError, with the true kind where it is a known one."""
    if not image:
        raise BrokenPictureError("no bytes")
    for name, pattern in KINDS.items():
        if pattern.match(image):
            return name
    said = next((why for pattern, why in OTHERS.items() if re.match(pattern, image, re.DOTALL)), "")
    raise BrokenPictureError(f"{said or 'no picture of a known kind'}; {READABLE}")


def header(image: bytes) -> PictureAbout:
    """Raises BrokenPictureError for what is no picture of a known kind, and HugePictureError beyond the bounds."""
    name = kind(image)
    try:
        width, height, frames = SIZES[name](image)
    except (struct.error, IndexError, ValueError):
        raise BrokenPictureError(f"the {name} is broken before it says its size") from None
    if not (width and height):
        raise BrokenPictureError(f"the {name} says that it has no pixels")
    if width * height > MAX_PICTURE_PIXELS:
        raise HugePictureError(f"{width} x {height} pixels, at most {MAX_PICTURE_PIXELS} in all")
    return PictureAbout(name, width, height, max(1, frames))


def looked(image: bytes, side: int, make: Callable[[Image.Image], Made], grey: bool = False) -> Looked[Made]:
    """What `make` makes of the picture as it is shown: RGB, upright, on white; a JPEG is decoded no larger than needed
    for `side` pixels each way, and without its colours for who wants `grey`. Of an animation, of a few frames.
    Raises BrokenPictureError, and no other.
    """
    said = header(image)
    with _told(said.kind), Image.open(io.BytesIO(image), formats=[said.kind]) as opened:
        if opened.width * opened.height > MAX_PICTURE_PIXELS:
            raise HugePictureError(
                f"{opened.width} x {opened.height} pixels, at most {MAX_PICTURE_PIXELS} in all"
            )
        if said.frames == 1 or getattr(opened, "n_frames", 1) == 1:
            opened.draft("L" if grey else None, (side, side))
            return Looked([make(_shown(opened))])
        return _animated(opened, said, make)


def telling(
    image: bytes,
    side: int,
    make: Callable[[Image.Image], Made],
    told: Callable[[Made], bool],
    grey: bool = False,
) -> Made:
    """Of one frame: the first that tells something, so that a blank one before the others hides nothing."""
    made = looked(image, side, make, grey).made
    if len(made) == 1:
        return made[0]
    return next((item for item in made if told(item)), made[0])


def _shown(opened: Image.Image) -> Image.Image:
    opened.load()
    return _upright(on_white(opened), opened)


def _upright(shown: Image.Image, opened: Image.Image) -> Image.Image:
    """Turned and mirrored as it says it was held; what it says may be broken without the picture being so."""
    turn = None
    with suppress(Exception):
        turn = TURNS.get(opened.getexif().get(ORIENTATION, 1))
    return shown if turn is None else shown.transpose(turn)


ORIENTATION = 0x0112  # EXIF's tag
TURNS = dict(
    enumerate(
        (
            Image.Transpose.FLIP_LEFT_RIGHT,
            Image.Transpose.ROTATE_180,
            Image.Transpose.FLIP_TOP_BOTTOM,
            Image.Transpose.TRANSPOSE,
            Image.Transpose.ROTATE_270,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
        ),
        start=2,
    )
)


def _animated(opened: Image.Image, said: PictureAbout, make: Callable[[Image.Image], Made]) -> Looked[Made]:
    """Where the time and the change between frames have passed evenly, as videos are."""
    count = min(said.decoded, getattr(opened, "n_frames", 1))
    chosen, made = set(range(count)), []
    if count > PROBED_FRAMES:
        glimpses = [np.asarray(_shown(opened).convert("L").resize(GLIMPSE)) for _ in _frames(opened, count)]
        count = len(glimpses)
        chosen = {0, *evenly(count, glimpses, PROBED_FRAMES - 1).tolist()}  # no change leads to the first
    read = 0
    for place in _frames(opened, count):
        if place in chosen:
            made.append(make(_shown(opened)))
        read = place + 1
    if not made:
        raise BrokenPictureError(f"no frame of the {said.kind} can be read")
    unseen = (
        f"frames {read + 1} to {said.frames} of the animation were not looked at"
        if read < said.frames
        else ""
    )
    return Looked(made, unseen)


GLIMPSE = (48, 48)


def _frames(opened: Image.Image, count: int) -> Iterator[int]:
    """The places of the frames, each once it is decoded; up to where the file breaks off."""
    with suppress(EOFError, OSError, ValueError, SyntaxError):
        for place in range(count):
            opened.seek(place)
            opened.load()
            yield place


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Whatever a decoder raises as a BrokenPictureError."""
    try:
        yield
    except BrokenPictureError:
        raise
    except Image.DecompressionBombError:
        raise HugePictureError(f"more than {MAX_PICTURE_PIXELS} pixels") from None
    except UnidentifiedImageError:
        raise BrokenPictureError(f"it begins as a {name} and is none") from None
    except Exception as error:  # noqa: BLE001 - decoders raise whatever the bytes lead them to
        said = str(error).replace("\n", " ") or type(error).__name__
        raise BrokenPictureError(f"the {name} is broken: {said}") from None
