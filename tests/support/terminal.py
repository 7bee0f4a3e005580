"""A command in a terminal of its own, as a person has it: Ctrl-C reaches every process that is not kept from it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

CTRL_C = b"\x03"
TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """What a command says there, and what is typed."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self._master, self._heard = process, master, bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def said(self) -> str:
        """Without the codes that colour and move."""
        return CONTROL.sub("", self._heard.decode(errors="replace"))

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def says(self, words: str, patience: float = 120) -> None:
        """Returns once the command has said these words."""
        deadline = time.monotonic() + patience
        while words not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"{words!r} not within {patience:.0f} s:\n{self.said}"
            time.sleep(0.02)

    def ended(self, patience: float = 60) -> tuple[int, float]:
        """Its exit code, and how many seconds that took from now on."""
        since = time.monotonic()
        code = self.process.wait(patience)
        took = time.monotonic() - since
        self._reader.join(5)
        return code, took

    def _read(self) -> None:
        while True:
            try:
                heard = os.read(self._master, 4096)
            except OSError:  # nobody has the other side open any more
                return
            if not heard:
                return
            self._heard += heard


@contextmanager
def terminal(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    """`moderato` with these arguments; killed where it is left running."""
    master, slave = os.openpty()
    command = [sys.executable, "-S", "-c", TAKE, sys.executable, "-m", "flows.cli", *arguments]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=environment
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)
