"""How large pictures are and how many frames they have, by the structure of each format; no pixel is decoded.

Each returns width, height and frames, and raises struct.error, IndexError or ValueError where the bytes are broken.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator


def _png(image: bytes) -> tuple[int, int, int]:
    width, height = struct.unpack_from(">II", image, 16)
    said = [
        struct.unpack_from(">I", image, at)[0] for name, at, _ in _chunks(image, 8, ">") if name == b"acTL"
    ]
    return width, height, said[0] if said else 1


def _webp(image: bytes) -> tuple[int, int, int]:
    form = image[12:16]
    if form == b"VP8X":
        width, height = (int.from_bytes(image[at : at + 3], "little") + 1 for at in (24, 27))
        frames = sum(name == b"ANMF" for name, _, _ in _chunks(image, 12, "<"))
        return width, height, frames
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", image, 21)
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, 1
    width, height = struct.unpack_from("<HH", image, 26)
    return width & 0x3FFF, height & 0x3FFF, 1


def _chunks(image: bytes, at: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, where its content begins, and how many bytes that has, of each chunk of a PNG (big-endian) or a WebP."""
    checksum = 4 if order == ">" else 0
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(image):
            return
        first, second = image[at : at + 4], image[at + 4 : at + 8]
        name, size = (second, first) if checksum else (first, second)
        (length,) = struct.unpack(f"{order}I", size)
        yield name, at + 8, length
        at += 8 + length + (checksum or length % 2)
    raise ValueError("too many chunks")


MAX_CHUNKS = 50_000


def _gif(image: bytes) -> tuple[int, int, int]:
    """A frame may be larger than the screen that the header names: the decoder makes the screen larger then."""
    width, height, flags = struct.unpack_from("<HHB", image, 6)
    at, frames = 13 + _palette(flags), 0
    while (found := BLOCK.search(image, at)) and found[0] != b";":
        at = found.end()
        if found[0] == b"!":
            at = _after_blocks(image, at + 1)
            continue
        if at + 9 > len(image):
            break
        left, top, wide, high, flags = struct.unpack_from("<HHHHB", image, at)
        width, height, frames = max(width, left + wide), max(height, top + high), frames + 1
        at = _after_blocks(image, at + 10 + _palette(flags))
    return width, height, frames


BLOCK = re.compile(
    rb"[!,;]"
)  # begins an extension, a frame, and the end; decoders pass over what lies between


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(image: bytes, at: int) -> int:
    while at < len(image) and image[at]:
        at += image[at] + 1
    return at + 1


def _jpeg(image: bytes) -> tuple[int, int, int]:
    """The first frame header; a phone's second picture lies behind the first and is not shown."""
    at = 2
    while found := MARKER.search(image, at, at + FILL):
        marker, at = found[1][0], found.end()
        if marker in FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", image, at + 3)
            return width, height, 1
        if marker not in ALONE:
            at += struct.unpack_from(">H", image, at)[0]
    raise ValueError("no frame header")


MARKER = re.compile(rb"\xff+([^\xff])", re.DOTALL)
FILL = 4096  # bytes that may lie between two segments
FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without content


def _bmp(image: bytes) -> tuple[int, int, int]:
    (size,) = struct.unpack_from("<I", image, 14)
    width, height = struct.unpack_from("<HH" if size == OLD_BMP else "<ii", image, 18)
    return abs(width), abs(height), 1  # a negative height is top down


OLD_BMP = 12  # bytes of OS/2's header


def _avif(image: bytes) -> tuple[int, int, int]:
    """The largest of the sizes it names: tiles and thumbnails name their own."""
    sizes = [
        struct.unpack_from(">II", image, found.end() + 4) for found in re.finditer(rb"ispe", image[:SEARCHED])
    ]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    frames = [
        struct.unpack_from(">I", image, found.end() + 8)[0]
        for found in re.finditer(rb"stsz", image[:SEARCHED])
    ]
    return width, height, max(frames, default=1) if image[8:12] == b"avis" else 1


SEARCHED = 1 << 16  # bytes in which an AVIF describes itself

KINDS = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "WEBP": re.compile(rb"RIFF....WEBPVP8[ XL]", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "AVIF": re.compile(rb"....ftyp(avi[fs]|m[is]f1.{4,64}?avi[fs])", re.DOTALL),
    "BMP": re.compile(rb"BM"),
}
SIZES = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "GIF": _gif, "AVIF": _avif, "BMP": _bmp}
