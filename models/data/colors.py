"""The colours of a picture as a screen shows them, whatever way they are kept: eight bits of sRGB on white."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

WHITE = (255, 255, 255)
OPAQUE = (255, 255)  # what the alpha of a picture that hides nothing reaches from and to
SCREEN = 2.2  # the exponent of screens
MAX_LEVELS = 2  # levels of 255 by which a profile that makes no difference may differ from sRGB
MAX_PROFILE = 4 << 20  # bytes
SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def on_white(image: Image.Image) -> Image.Image:
    """RGB, as a screen shows it before a white page."""
    base, alpha = _split(image)
    shown = _displayed(base, image.info)
    if alpha is None or alpha.getextrema() == OPAQUE:
        return shown
    page = Image.new("RGB", shown.size, WHITE)
    page.paste(shown, mask=alpha)
    return page


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """L, RGB or CMYK of eight bits, and the alpha where there is one."""
    transparent = image.info.get("transparency")
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image, transparent)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("P", "PA", "RGBa"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif transparent is not None and image.mode in ("1", "L", "RGB"):
        image = _keyed(image, transparent)
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        meaningless = (
            image.format == "BMP" and not alpha.getbbox()
        )  # the fourth byte of pixels that have three
        return image.convert(image.mode[:-1]), None if meaningless else alpha
    return (
        image if image.mode in ("L", "RGB", "CMYK") else image.convert("L" if image.mode == "1" else "RGB")
    ), None


def _keyed(image: Image.Image, transparent: Any) -> Image.Image:
    """With alpha that is nothing where the pixel is of the colour that a PNG or GIF calls transparent."""
    if isinstance(transparent, tuple) and max(transparent) > WHITE[0]:
        image.info["transparency"] = tuple(
            value >> 8 for value in transparent
        )  # of sixteen bits, as its pixels were
    return image.convert("RGBA")


def _eight_bits(image: Image.Image, transparent: Any) -> tuple[Image.Image, Image.Image | None]:
    """Of grey in 16 or 32 bits: `convert` would cut off at 255, so that nearly all is white."""
    values: NDArray[Any] = np.asarray(image)
    top = 65535.0 if image.mode.startswith("I;16") else _top(values)
    grey = Image.fromarray(np.rint(np.nan_to_num(values) * (255 / top)).clip(0, 255).astype(np.uint8))
    if not isinstance(transparent, int):
        return grey, None
    return grey, Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))


def _top(values: NDArray[Any]) -> float:
    """The white of what does not say how many bits it has: the next that is common."""
    highest = float(np.nan_to_num(values).max(initial=0))
    return next((top for top in (1.0, 255.0, 65535.0) if highest <= top), 2.0**32 - 1)


def _displayed(base: Image.Image, info: dict[Any, Any]) -> Image.Image:
    """RGB in the colours of a screen: by the profile, else by a PNG's gamma, else as they are."""
    profile = info.get("icc_profile")
    if isinstance(profile, bytes) and 0 < len(profile) <= MAX_PROFILE:
        transform = _to_screen(profile, base.mode)
        if transform is not None:
            shown = ImageCms.applyTransform(base, transform)
            return base.convert("RGB") if shown is None else shown
    elif (gamma := info.get("gamma")) and "srgb" not in info and base.mode != "CMYK":
        base = _with_gamma(base, float(gamma))
    return base.convert("RGB")


def _with_gamma(base: Image.Image, gamma: float) -> Image.Image:
    """As a screen shows samples that are light to the power of `gamma`; a picture of 1 / 2.2 is shown as it is."""
    power = 1 / (gamma * SCREEN)
    if abs(power - 1) < 0.1:  # noqa: PLR2004 - what cameras and editors round to
        return base
    table = [round(255 * (level / 255) ** power) for level in range(256)]
    return base.point(table * len(base.getbands()))


@lru_cache(maxsize=16)
def _to_screen(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile's colours to a screen's; None where that changes nothing, or the profile cannot be used."""
    try:
        opened = ImageCms.getOpenProfile(io.BytesIO(profile))
        if SPACES.get(opened.profile.xcolor_space) != mode:
            return None
        made = ImageCms.buildTransform(opened, _screen(), mode, "RGB")
        return made if mode == "CMYK" or _differs(made, mode) else None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=1)
def _screen() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _differs(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether it changes colours: most profiles are of sRGB itself, and need no pass over the pixels."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = (
        steps[:, None]
        if mode == "L"
        else np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    )
    plain = Image.fromarray(grid)
    shown = ImageCms.applyTransform(plain, transform)
    before = np.asarray(plain.convert("RGB"), np.int16)
    return shown is None or int(np.abs(np.asarray(shown, np.int16) - before).max()) > MAX_LEVELS
