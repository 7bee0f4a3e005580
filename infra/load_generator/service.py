"""A server as a process beside this one: started, waited for, and stopped with whoever started it, killed or not."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.ties import TIED
from models.domain.errors import UserError

START, STOP = 120.0, 60.0  # seconds that it may take
POLL_SECONDS = 0.2


class NotStartedError(UserError):
    """A server that ended, or never became ready."""


@contextmanager
def started(command: Sequence[str], ready: str, log: Path) -> Iterator[None]:
    """Run `command` until the block is left; entered once GET `ready` answers 200. Raises NotStartedError."""
    with log.open("ab") as out:  # a session of its own: Ctrl-C is for this process, which then stops that one
        process = subprocess.Popen((*TIED, *command), stdout=out, stderr=out, start_new_session=True)  # noqa: S603 - our own command
    try:
        _await(process, ready, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], ready: str, log: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotStartedError(f"the server ended with {process.returncode}; {log} says why")
        try:
            with urllib.request.urlopen(ready, timeout=POLL_SECONDS) as answer:  # noqa: S310 - our own address
                if answer.status == 200:  # noqa: PLR2004
                    return
        except OSError:
            pass
        time.sleep(POLL_SECONDS)
    raise NotStartedError(f"{ready} did not answer within {START:.0f} s; {log} says why")
