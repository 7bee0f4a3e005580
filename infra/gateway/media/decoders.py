"""Processes that decode for one gateway: started when they are first needed, ended where a picture takes too long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from models.data.pixels import Shown

COMMAND = [sys.executable, "-m", "models.data.decoding"]
MODULES = os.pathsep.join(sys.path)  # of this process, so that the other finds the same ones
MAX_ANSWER_BYTES = 1 << 30  # bytes of an answer

MAX_ERROR_CHARACTERS = 300  # characters of what it says was wrong


class BrokenError(Exception):
    """It cannot be decoded; the message says why."""


class OverranError(Exception):
    """It took longer than it may."""


class Decoder:
    """One process, a new one after each that was ended. Blocks: call it in a thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def decode(self, kind: str, data: bytes, ways: Sequence[Any], seconds: float) -> list[Shown]:
        """What models.data.decoding shows for each way of looking; raises BrokenError, OverranError."""
        process = self._running()
        overran = threading.Event()

        def end() -> None:
            overran.set()
            process.kill()

        clock = threading.Timer(seconds, end)
        clock.start()
        try:
            return _asked(process, {"kind": kind, "ways": ways, "seconds": seconds}, data)
        except (OSError, ValueError):  # a pipe that is closed, an answer that is none
            self.close()
            if overran.is_set():
                raise OverranError from None
            raise BrokenError("what decodes it fell over it") from None
        finally:
            clock.cancel()

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": MODULES, "OMP_NUM_THREADS": "1"},  # and no secret of the gateway's
                start_new_session=True,  # Ctrl-C is for the gateway, which still answers what it accepted
            )
        return self._process


class Decoders:
    """As many as threads ask at once."""

    def __init__(self, processes: int) -> None:
        self._free: SimpleQueue[Decoder] = SimpleQueue()
        self._all = [Decoder() for _ in range(processes)]
        for decoder in self._all:
            self._free.put(decoder)

    def decode(self, kind: str, data: bytes, ways: Sequence[Any], seconds: float) -> list[Shown]:
        """By one that is free; raises BrokenError, OverranError."""
        decoder = self._free.get()
        try:
            return decoder.decode(kind, data, ways, seconds)
        finally:
            self._free.put(decoder)

    def close(self) -> None:
        for decoder in self._all:
            decoder.close()


def _asked(process: subprocess.Popen[bytes], question: dict[str, Any], data: bytes) -> list[Shown]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({**question, "bytes": len(data)}).encode() + b"\n")
    process.stdin.write(data)
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    if "refused" in answer:
        raise BrokenError(str(answer["refused"])[:MAX_ERROR_CHARACTERS])
    return [
        Shown(_array(process.stdout, one["shape"]), str(one["unseen"])[:MAX_ERROR_CHARACTERS])
        for one in answer["shown"]
    ]


def _array(given: IO[bytes], shape: list[int]) -> NDArray[np.uint8]:
    size = int(np.prod(shape))
    if not 0 < size <= MAX_ANSWER_BYTES:
        raise ValueError(shape)
    return np.frombuffer(given.read(size), np.uint8).reshape(shape)
