"""What pictures show: each drawing is a function that puts one object on a canvas, around its centre."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL.ImageDraw import ImageDraw

CANVAS = 96  # pixels, square; pictures are cropped from it
MIDDLE = CANVAS // 2

Colour = tuple[int, int, int]
Pen = Callable[[ImageDraw, Colour], None]


def box(left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int]:
    """Edges relative to the centre of the canvas."""
    return MIDDLE + left, MIDDLE + top, MIDDLE + right, MIDDLE + bottom


def points(*pairs: tuple[float, float]) -> list[tuple[float, float]]:
    return [(MIDDLE + x, MIDDLE + y) for x, y in pairs]


def ring(count: int, radius: Callable[[int], float]) -> list[tuple[float, float]]:
    """`count` points around the centre at the distances that `radius` gives."""
    angles = [2 * math.pi * i / count for i in range(count)]
    return points(*((radius(i) * math.sin(a), -radius(i) * math.cos(a)) for i, a in enumerate(angles)))


def sun(pen: ImageDraw, colour: Colour) -> None:
    for x, y in ring(8, lambda _: 22):
        pen.line([(MIDDLE, MIDDLE), (x, y)], fill=(240, 190, 20), width=3)
    pen.ellipse(box(-12, -12, 12, 12), fill=(250, 210, 40), outline=colour)


def tree(pen: ImageDraw, colour: Colour) -> None:
    pen.rectangle(box(-4, 4, 4, 22), fill=(110, 70, 30))
    pen.polygon(points((-18, 8), (0, -22), (18, 8)), fill=(30, 130, 50), outline=colour)


def house(pen: ImageDraw, colour: Colour) -> None:
    pen.rectangle(box(-16, -2, 16, 20), fill=(200, 160, 120), outline=colour)
    pen.polygon(points((-20, -2), (0, -20), (20, -2)), fill=(150, 60, 50))


def cup(pen: ImageDraw, colour: Colour) -> None:
    pen.rectangle(box(-12, -10, 10, 16), fill=(245, 245, 245), outline=(60, 60, 60))
    pen.arc(box(4, -6, 20, 10), -90, 90, fill=colour, width=3)


def fish(pen: ImageDraw, colour: Colour) -> None:
    pen.ellipse(box(-18, -9, 10, 9), fill=(90, 150, 220), outline=colour)
    pen.polygon(points((8, 0), (20, -10), (20, 10)), fill=(90, 150, 220))


def star(pen: ImageDraw, colour: Colour) -> None:
    pen.polygon(ring(10, lambda i: 22 if i % 2 == 0 else 9), fill=(230, 200, 60), outline=colour)


def boat(pen: ImageDraw, colour: Colour) -> None:
    pen.polygon(points((-20, 8), (20, 8), (12, 20), (-12, 20)), fill=(120, 80, 50))
    pen.polygon(points((0, -20), (0, 6), (16, 6)), fill=(250, 250, 250), outline=colour)


def bubble(pen: ImageDraw, colour: Colour) -> None:
    pen.rounded_rectangle(box(-30, -14, 30, 10), radius=8, fill=(255, 255, 255), outline=colour, width=2)
    pen.polygon(points((-8, 10), (4, 10), (-10, 20)), fill=(255, 255, 255))


def flame(pen: ImageDraw, colour: Colour) -> None:
    pen.polygon(points((-14, 16), (-10, -6), (-3, 2), (2, -22), (12, 0), (14, 16)), fill=(240, 110, 20))
    pen.ellipse(box(-7, 2, 7, 18), fill=(255, 220, 60), outline=colour)


def ladder(pen: ImageDraw, colour: Colour) -> None:
    for x in (-9, 9):
        pen.line(points((x, -22), (x, 22)), fill=(120, 72, 30), width=4)
    for y in range(-18, 20, 8):
        pen.line(points((-9, y), (9, y)), fill=(120, 72, 30), width=3)
    pen.point(points((0, 0)), fill=colour)


def tower(pen: ImageDraw, colour: Colour) -> None:
    pen.rectangle(box(-8, -22, 8, 22), fill=(90, 95, 110), outline=colour)
    for y in range(-18, 18, 8):
        pen.rectangle(box(-5, y, 5, y + 3), fill=(250, 240, 150))


def bottle(pen: ImageDraw, colour: Colour) -> None:
    pen.rectangle(box(-10, -4, 10, 22), fill=(20, 120, 70), outline=colour)
    pen.rectangle(box(-4, -22, 4, -4), fill=(20, 120, 70))


def capsule(pen: ImageDraw, colour: Colour) -> None:
    pen.rounded_rectangle(box(-22, -9, 22, 9), radius=9, fill=(250, 250, 250), outline=colour)
    pen.rounded_rectangle(box(-22, -9, 2, 9), radius=9, fill=(200, 30, 60))


def crate(pen: ImageDraw, colour: Colour) -> None:
    pen.rectangle(box(-18, -16, 18, 18), fill=(210, 170, 60), outline=colour, width=2)
    pen.line(points((-18, -16), (18, 18)), fill=(120, 90, 20), width=3)
    pen.line(points((-18, 18), (18, -16)), fill=(120, 90, 20), width=3)


def splatter(pen: ImageDraw, colour: Colour) -> None:
    pen.polygon(ring(14, lambda i: (24, 10, 17, 8)[i % 4]), fill=(130, 10, 20))
    for x, y in ring(5, lambda i: 24 + i):
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(130, 10, 20), outline=colour)


def veil(pen: ImageDraw, colour: Colour) -> None:
    for x in range(-20, 20, 8):
        pen.rectangle(box(x, -22, x + 4, 22), fill=(230, 110, 170))
    pen.ellipse(box(-8, -8, 8, 8), outline=colour, width=2)


def emblem(pen: ImageDraw, colour: Colour) -> None:
    pen.ellipse(box(-22, -22, 22, 22), fill=(240, 240, 240), outline=(20, 20, 20), width=4)
    pen.line(points((-12, 10), (-4, -10), (4, 10), (12, -10)), fill=(20, 20, 20), width=5)
    pen.point(points((0, 0)), fill=colour)


def coin(pen: ImageDraw, colour: Colour) -> None:
    pen.ellipse(box(-24, -24, 24, 24), fill=(250, 200, 30), outline=(160, 110, 10), width=3)
    pen.ellipse(box(-18, -18, 18, 18), outline=colour)


def banner(pen: ImageDraw, colour: Colour) -> None:
    pen.rectangle(box(-32, -22, 32, -12), fill=(190, 20, 30))
    pen.rectangle(box(-32, -12, 32, 20), fill=(252, 252, 252), outline=colour)


DRAWINGS: dict[str, Pen] = {
    pen.__name__: pen
    for pen in (
        *(sun, tree, house, cup, fish, star, boat, bubble),
        *(flame, ladder, tower, bottle, capsule, crate),
        *(splatter, veil, emblem, coin, banner),
    )
}
LETTERED = ("bubble", "coin", "banner")  # drawings that a word is written on
