"""Decoding in a process of its own, `python -m models.data.decoding`: one that takes too long, or falls over
what it was given, can be ended without harm to whoever asked. Needs no torch.

A question on standard input is a line of JSON and `bytes` bytes behind it; so is the answer on standard output, whose
bytes are the arrays one after another. Nothing of it is a pickle: what decodes foreign bytes is not believed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, BinaryIO

import numpy as np

from models.data import pages, pixels, sound, video
from models.data.pages import PAGE, Page
from models.data.pictures import BrokenPictureError
from models.data.pixels import Shown, Sight
from models.data.sound import SOUND, Sound
from models.data.video import BrokenVideoError, Watch

NICER = 10  # than those who answer requests
GRACE = 2  # seconds beyond the deadline, after which it ends itself: whoever asked may be gone


def shown(kind: str, data: bytes, ways: list[Any]) -> list[Shown]:
    """For each way of looking, a Sight of an image or a Watch of a video, what a model is shown of it; what
    a reader is, for a Page [K, H, W, 3], and for a Sound [N, 2].

    Raises BrokenPictureError, BrokenVideoError.
    """
    return [_shown(kind, data, way) for way in ways]


def _shown(kind: str, data: bytes, way: Any) -> Shown:
    if way[0] == PAGE:
        page = Page(*way)
        return Shown(pages.of_image(data, page) if kind == "image" else pages.of_video(data, page), "")
    if way[0] == SOUND:
        return Shown(sound.of_video(data, Sound(*way)), "")
    return pixels.shown(data, Sight(*way)) if kind == "image" else video.shown(data, Watch(*way))


def serve(given: BinaryIO, made: BinaryIO) -> None:
    """Answer until there are no more questions."""
    while line := given.readline():
        question = json.loads(line)
        signal.alarm(int(question["seconds"]) + GRACE)
        _answer(question, given.read(question["bytes"]), made)
        signal.alarm(0)


def _answer(question: dict[str, Any], data: bytes, made: BinaryIO) -> None:
    found: list[Shown] = []
    answer: dict[str, Any] = {}
    try:
        found = shown(question["kind"], data, question["ways"])
    except (BrokenPictureError, BrokenVideoError) as error:
        answer["refused"] = str(error)
    answer["shown"] = [{"shape": one.pictures.shape, "unseen": one.unseen} for one in found]
    made.write(json.dumps(answer).encode() + b"\n")
    made.writelines(np.ascontiguousarray(one.pictures).data for one in found)
    made.flush()


if __name__ == "__main__":
    os.nice(NICER)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a terminal's Ctrl-C reaches it too; it ends with its questions
    serve(sys.stdin.buffer, sys.stdout.buffer)
