"""Decoding in a process of its own, `python -m models.decoding`: one that takes too long, or falls over what it was
given, can be ended without harm to whoever asked. Needs no torch.

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
from numpy.typing import NDArray

from models.pixels import picture
from models.video import Watch, film

NICER = 10  # than those who answer requests
GRACE = 2  # seconds beyond the deadline, after which it ends itself: whoever asked may be gone

Array = NDArray[np.uint8]


def answered(question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[Array]]:
    """Arrays [..., 3, S, S], one for each size or watch that was asked for, or why there are none."""
    if question["kind"] == "picture":
        found = [picture(data, size) for size in question["ways"]]
    else:
        found = [film(data, Watch(*way)) for way in question["ways"]]
    arrays = [array for array in found if array is not None]
    if len(arrays) < len(found):
        return {"refused": "broken"}, []
    return {"shapes": [array.shape for array in arrays]}, arrays


def serve(given: BinaryIO, made: BinaryIO) -> None:
    """Answer until there are no more questions."""
    while line := given.readline():
        question = json.loads(line)
        signal.alarm(int(question["seconds"]) + GRACE)
        answer, arrays = answered(question, given.read(question["bytes"]))
        signal.alarm(0)
        answer["bytes"] = sum(array.nbytes for array in arrays)
        made.write(json.dumps(answer).encode() + b"\n")
        made.writelines(np.ascontiguousarray(array).data for array in arrays)
        made.flush()


if __name__ == "__main__":
    os.nice(NICER)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a terminal's Ctrl-C reaches it too; it ends with its questions
    serve(sys.stdin.buffer, sys.stdout.buffer)
