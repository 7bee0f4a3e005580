"""Encoded pictures: drawings on a noisy ground with a logo, cropped, as JPEG or PNG under 4 KB."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from infra.simulator.drawings import CANVAS, DRAWINGS, LETTERED, MIDDLE
from infra.simulator.streams import Stream, stream
from infra.simulator.vocabulary import Vocabulary

SIDES = (64, 72, 80)  # pixels
VARIANTS = 48  # canvases of each drawing; crops and encodings make every picture its own
NOISE = 6.0  # standard deviation, of 255
JPEG_QUALITY = 72
PNG_EVERY = 4  # one picture in four; flat colours, without noise, so that it stays small
NAMES = tuple(DRAWINGS)


@dataclass(frozen=True)
class Gallery:
    """Pictures of one platform; the canvases are drawn once and kept, about 27 KB each."""

    vocabulary: Vocabulary

    def picture(self, drawing: str, meaning: int, choice: np.ndarray) -> bytes:
        """One picture; `choice` holds five integers: variant, side, left, top and format."""
        variant, side = int(choice[0]) % VARIANTS, SIDES[int(choice[1]) % len(SIDES)]
        left, top = (int(choice[i]) % (CANVAS - side + 1) for i in (2, 3))
        flat = int(choice[4]) % PNG_EVERY == 0
        canvas = _canvas(self.vocabulary, drawing, meaning, variant, flat)
        cropped, buffer = canvas.crop((left, top, left + side, top + side)), BytesIO()
        if flat:
            cropped.save(buffer, "PNG", compress_level=6)
        else:
            cropped.save(buffer, "JPEG", quality=JPEG_QUALITY)
        return buffer.getvalue()


@lru_cache(maxsize=4 * len(NAMES) * VARIANTS)
def _canvas(vocabulary: Vocabulary, drawing: str, meaning: int, variant: int, flat: bool) -> Image.Image:
    rng = stream(vocabulary.seed, Stream.DRAWINGS, NAMES.index(drawing), meaning, variant)
    canvas = Image.new("RGB", (CANVAS, CANVAS), _colour(rng, 150, 235))
    pen = ImageDraw.Draw(canvas)
    _logo(pen, rng)
    DRAWINGS[drawing](pen, _colour(rng, 20, 110))
    if drawing in LETTERED:
        words = vocabulary.pictured(meaning)
        _write(pen, words[int(rng.integers(len(words)))])
    if flat:
        return canvas.quantize(24)
    noise = rng.normal(scale=NOISE, size=(CANVAS, CANVAS, 1))
    return Image.fromarray((np.asarray(canvas) + noise).clip(0, 255).astype(np.uint8))


def _colour(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(low, high, size=3))
    return red, green, blue


def _logo(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """A mark of some brand in the upper left, which means nothing."""
    x, y = (int(value) for value in rng.integers(12, 20, size=2))
    corners = int(rng.integers(3, 7))
    pen.regular_polygon((x, y, 6), corners, fill=_colour(rng, 0, 255))


def _write(pen: ImageDraw.ImageDraw, word: str) -> None:
    pen.text((MIDDLE, MIDDLE), word[:7].upper(), fill=(0, 0, 0), font=_font(), anchor="mm")


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(13)
