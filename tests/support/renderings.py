"""One picture and one clip, rendered in the ways in which people have them; to a person all look alike."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Bytes = NDArray[np.uint8]

SIDES = (160, 120)
BORDER = 24  # pixels of white around the picture, which some renderings leave out as transparent


def scene(seed: int = 0, sides: tuple[int, int] = SIDES) -> Image.Image:
    """Smooth light and shade, redder than blue, on a white border."""
    width, height = (side - 2 * BORDER for side in sides)
    coarse = np.random.default_rng(seed).integers(40, 250, (5, 7, 3), dtype=np.uint8)
    coarse[..., 2] //= 2
    page = Image.new("RGB", sides, (255, 255, 255))
    page.paste(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), (BORDER, BORDER))
    return page


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def png(samples: NDArray[Any], colour: int, depth: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG that Pillow would not write: samples [H, W, C], its type of colour, bits of a sample, and chunks."""
    rows = samples.astype(">u2" if depth > 8 else np.uint8).reshape(len(samples), -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def turned(image: Image.Image, orientation: int) -> bytes:
    """A JPEG whose pixels lie otherwise than they are shown, and whose EXIF says how."""
    undone = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(
        image if undone is None else image.transpose(undone), "JPEG", quality=95, exif=exif.tobytes()
    )


def swapped_profile() -> bytes:
    """sRGB's profile with the colours of its first and third channel exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = {
        bytes(profile[at : at + 4]): at
        for at in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12)
    }
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    profile[red + 4 : red + 12], profile[blue + 4 : blue + 12] = (
        profile[blue + 4 : blue + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


def _cut_out(image: Image.Image) -> Image.Image:
    """The white border is transparent, and black underneath."""
    alpha = Image.new("L", image.size, 0)
    inner = (BORDER, BORDER, image.width - BORDER, image.height - BORDER)
    alpha.paste(255, inner)
    black = Image.new("RGB", image.size)
    black.paste(image, mask=alpha)
    black.putalpha(alpha)
    return black


def _animated(form: str, image: Image.Image, **options: Any) -> bytes:
    blank = Image.new("RGB", image.size, (0, 0, 0))
    return saved(blank, form, save_all=True, append_images=[image], duration=100, **options)


def _sixteen(image: Image.Image) -> Bytes:
    return np.atleast_3d(np.asarray(image)).astype(np.uint16) * 257


def _keyed(image: Image.Image) -> bytes:
    """White is written as magenta, and magenta called transparent."""
    pixels = np.asarray(image).copy()
    pixels[(pixels == 255).all(axis=2)] = (255, 0, 255)
    return saved(Image.fromarray(pixels), transparency=(255, 0, 255))


def _linear(image: Image.Image) -> bytes:
    light = np.rint(255 * (np.asarray(image) / 255) ** 2.2)
    return png(light, 2, 8, (b"gAMA", struct.pack(">I", 100_000)))


COLOURS: dict[str, Callable[[Image.Image], bytes]] = {
    "png": saved,
    "jpeg": partial(saved, form="JPEG", quality=95),
    "progressive jpeg": partial(saved, form="JPEG", quality=95, progressive=True),
    "jpeg of full colour": partial(saved, form="JPEG", quality=95, subsampling=0),
    **{f"exif {turn}": partial(turned, orientation=turn) for turn in range(1, 9)},
    "cmyk": lambda image: saved(image.convert("CMYK"), "JPEG", quality=95),
    "profile of sRGB": lambda image: saved(
        image, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ),
    "profile of others": lambda image: saved(
        Image.merge("RGB", image.split()[::-1]), icc_profile=swapped_profile()
    ),
    "linear light": _linear,
    "sixteen bits": lambda image: png(_sixteen(image), 2, 16),
    "palette": lambda image: saved(image.quantize(256)),
    "transparent": lambda image: saved(_cut_out(image)),
    "transparent of sixteen bits": lambda image: png(_sixteen(_cut_out(image)), 6, 16),
    "transparent palette": lambda image: saved(_cut_out(image).quantize(256)),
    "transparent webp": lambda image: saved(_cut_out(image), "WEBP", lossless=True, exact=True),
    "transparent avif": lambda image: saved(_cut_out(image), "AVIF", quality=95),
    "colour called transparent": _keyed,
    "bmp": partial(saved, form="BMP"),
    "bmp whose fourth byte is nothing": lambda image: saved(_nothing_in_alpha(image), "BMP"),
    "webp": partial(saved, form="WEBP", quality=95),
    "lossless webp": partial(saved, form="WEBP", lossless=True),
    "avif": partial(saved, form="AVIF", quality=90),
    "mpo": lambda image: saved(image, "MPO", quality=95, save_all=True, append_images=[scene(99)]),
    "gif": partial(saved, form="GIF"),
    "animated gif": partial(_animated, "GIF"),
    "animated png": partial(_animated, "PNG"),
    "animated webp": partial(_animated, "WEBP", lossless=True),
    "animated avif": partial(_animated, "AVIF", quality=95),
}


def _nothing_in_alpha(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.putalpha(0)
    return image


GREYS: dict[str, Callable[[Image.Image], bytes]] = {
    "png": saved,
    "jpeg": partial(saved, form="JPEG", quality=95),
    "sixteen bits": lambda grey: png(_sixteen(grey), 0, 16),
    "sixteen bits and alpha": lambda grey: png(
        np.concatenate([_sixteen(grey), np.full((*grey.size[::-1], 1), 65535, np.uint16)], axis=2), 4, 16
    ),
    "sixteen bits, black called transparent": lambda grey: png(
        np.where(_sixteen(grey) == 65535, 0, _sixteen(grey)), 0, 16, (b"tRNS", b"\0\0")
    ),
    "alpha": lambda grey: saved(grey.convert("LA")),
    "palette": lambda grey: saved(grey.convert("P")),
    "colours": lambda grey: saved(grey.convert("RGB")),
}

# ---- clips

FRAMES, RATE, FILM = 48, 24, (96, 64)


@cache
def moving(place: int, sides: tuple[int, int] = FILM) -> Bytes:
    """[H, W, 3]: a bright square that wanders over a scene; another scene in the second half."""
    ground = np.asarray(
        scene(1 + 2 * place // FRAMES, (160, 120)).crop((24, 24, 136, 96)).resize(sides)
    ).copy()
    side, top = round(sides[0] / 6), sides[1] // 3
    left = round((sides[0] - side) * place / FRAMES)
    ground[top : top + side, left : left + side] = (250, 240, 60)
    return ground


def clip(
    kind: str = "mp4",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    *,
    rate: int = RATE,
    sides: tuple[int, int] = FILM,
    times: list[int] | None = None,
    first: int | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    frames: int | None = None,
    full_range: bool = False,
) -> bytes:
    """`times`: at which of FRAMES a frame is shown, all by default at an even `rate`; `first`: the disposition of a
    still of another scene that is the first stream.
    """
    target = io.BytesIO()
    quality = {"crf": "12"} if codec in ("libx264", "libvpx-vp9") else {}
    with av.open(target, "w", format=kind, options=container_options or {}) as container:
        still = None if first is None else _still(container)
        stream = container.add_stream(codec, rate=rate, options=quality | (options or {}))
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *sides, pixels, 4_000_000
        if still is not None:
            still.disposition = first
            _covered(container, still)
        places = times or [place * RATE / rate for place in range((frames or FRAMES) * rate // RATE)]
        for number, place in enumerate(places):
            frame = av.VideoFrame.from_ndarray(moving(int(place), sides), format="rgb24")
            if full_range:
                frame = frame.reformat(format=pixels, dst_color_range="JPEG")
                stream.codec_context.color_range = frame.color_range = 2
            frame.pts = int(place) if times else number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def _still(container: Any) -> Any:
    stream = container.add_stream("mjpeg", rate=1)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
    return stream


def _covered(container: Any, stream: Any) -> None:
    """A still of another scene."""
    still = av.VideoFrame.from_ndarray(np.asarray(scene(50).resize((64, 64))), format="rgb24")
    still.pts = 0
    container.mux([*stream.encode(still), *stream.encode(None)])


def lied_about(data: bytes, share: float) -> bytes:
    """An MP4 whose headers give this share of its duration; the table of its frames stays as it is, and what is shown
    of them.
    """
    found = bytearray(data)
    for name, at in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        start = found.find(name)
        while start >= 0:
            (said,) = struct.unpack_from(">I", found, start + at)
            struct.pack_into(">I", found, start + at, max(1, round(said * share)))
            start = found.find(name, start + 4)
    return bytes(found)


def trimmed(data: bytes, share: float) -> bytes:
    """An MP4 whose edit list shows this share of it."""
    at = data.index(b"elst") + 12
    (said,) = struct.unpack_from(">I", data, at)
    return data[:at] + struct.pack(">I", round(said * share)) + data[at + 4 :]


def without_duration(data: bytes) -> bytes:
    """A WebM as a browser records it: the element of its duration is a void one."""
    at = data.index(b"\x44\x89\x88")
    return data[:at] + b"\xec\x89" + b"\0" * 9 + data[at + 11 :]


def held(data: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """An MP4 whose track is turned by this matrix when it is shown."""
    start = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version, times and ids, reserved, layer to volume
    a, b, c, d = matrix
    packed = b"".join(
        value.to_bytes(4, "big", signed=True)
        for value in (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    )
    return data[:start] + packed + data[start + 36 :]


CLIPS: dict[str, Callable[[], bytes]] = {
    "mp4": partial(clip),
    "mov": partial(clip, "mov"),
    "matroska": partial(clip, "matroska"),
    "webm of vp8": partial(clip, "webm", "libvpx"),
    "webm of vp9": partial(clip, "webm", "libvpx-vp9"),
    "webm without duration": lambda: without_duration(clip("webm", "libvpx-vp9")),
    "motion jpeg": partial(clip, "mov", "mjpeg", "yuvj420p"),
    "mpeg-4 part 2": partial(clip, "mp4", "mpeg4"),
    "ten bits": partial(clip, pixels="yuv420p10le"),
    "full colour": partial(clip, pixels="yuv444p"),
    "full range": partial(clip, full_range=True),
    "odd sides": partial(clip, pixels="yuv444p", sides=(97, 63)),
    "larger": partial(clip, sides=(192, 128)),
    "a key frame each": partial(clip, options={"g": "1"}),
    "one key frame": partial(clip, options={"g": "1000", "sc_threshold": "0"}),
    "no frames between": partial(clip, options={"bf": "0"}),
    "twice the rate": partial(clip, rate=48),
    "half the rate": partial(clip, rate=12),
    "a rate that varies": partial(clip, times=[*range(0, 24, 2), *range(24, FRAMES)]),
    "a header that says too little": lambda: lied_about(clip(), 0.05),
    "a header that says too much": lambda: lied_about(clip(), 20),
    "fragments": partial(clip, container_options={"movflags": "frag_keyframe+empty_moov"}),
    "cover first": partial(clip, first=1024),
    "a still track first": partial(clip, first=0),
    "a still track first, and switched on": partial(clip, first=1),
    "gif": partial(clip, "gif", "gif", "rgb8"),
}


def mutated(data: bytes, seed: int) -> bytes:
    """With some bytes changed, left out, doubled, or the end cut off."""
    rng = np.random.default_rng(seed)
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 8))):
        at = (
            int(rng.integers(0, len(found)))
            if rng.random() < 0.5
            else int(rng.integers(0, min(len(found), 600)))
        )
        how = rng.integers(0, 5)
        if how == 0:
            found[at] = int(rng.integers(0, 256))
        elif how == 1:
            found[at : at + 4] = bytes(rng.choice([0, 1, 127, 128, 255], 4).astype(np.uint8))
        elif how == 2:
            del found[at : at + int(rng.integers(1, 64))]
        elif how == 3:
            found[at:at] = found[at : at + int(rng.integers(1, 200))]
        else:
            del found[max(16, at) :]
        if len(found) < 16:
            break
    return bytes(found)
