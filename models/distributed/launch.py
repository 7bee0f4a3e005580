"""Processes of this machine that train together, from the side of the one that starts them and waits.

They are watched by torch's elastic agent, in a process of its own (models.distributed.agent), and are each a
models.distributed.worker.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.distributed.job import Job
from models.distributed.messages import COURSE, JOB, PLACE, POLL_SECONDS, Message

LOG = "workers.log"
GRACE = 5.0  # seconds that the agent has to end its workers
LAST_LINES = 20  # of the log in an error


class TrainingFailedError(RuntimeError):
    """Workers that died more often than they are restarted."""


def launch(job: Job, hear: Callable[[Message], None]) -> None:
    """Run the job's processes to their end, and hand on what the first one tells.

    None of them is left when this returns or raises, also where `hear` does. Raises TrainingFailedError.
    """
    with tempfile.TemporaryDirectory(prefix="moderato-") as name, _log(job.folder) as log:
        place = Path(name)
        (place / COURSE).touch()
        with _agent(job, place, log) as agent, (place / COURSE).open() as course:
            while agent.poll() is None:
                _hand_on(course, hear)
                time.sleep(POLL_SECONDS)
            _hand_on(course, hear)
        if agent.returncode:
            raise TrainingFailedError(_last_words(job, Path(log.name)))


@contextmanager
def _log(folder: Path) -> Iterator[IO[str]]:
    with (folder / LOG).open("w") as log:
        yield log


@contextmanager
def _agent(job: Job, place: Path, log: IO[str]) -> Iterator[subprocess.Popen[bytes]]:
    """In a session of its own: Ctrl-C reaches the process that started it, which then stops it in order."""
    environment = {JOB: job.model_dump_json(), PLACE: str(place), "OMP_NUM_THREADS": str(job.threads)}
    agent = subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-m", "models.distributed.agent", str(os.getpid())],
        env={**os.environ, **_on_this_machine(), **environment, "PYTHONPATH": os.pathsep.join(_paths())},
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        yield agent
    finally:
        agent.terminate()
        try:
            agent.wait(GRACE)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()


def _paths() -> list[str]:
    """Where the workers find this product, wherever it is run from."""
    return [str(Path(__file__).parents[2]), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]


def _on_this_machine() -> dict[str, str]:
    """The processes meet in a file, and talk over the loopback interface alone."""
    loopback = "lo" if sys.platform == "linux" else "lo0"
    return {
        "GLOO_SOCKET_IFNAME": loopback,
        "NCCL_SOCKET_IFNAME": loopback,
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }


def _hand_on(course: IO[str], hear: Callable[[Message], None]) -> None:
    """What is new in the course; a line that is not whole yet is left for the next time."""
    while True:
        start = course.tell()
        line = course.readline()
        if not line.endswith("\n"):
            course.seek(start)
            return
        hear(json.loads(line))


def _last_words(job: Job, log: Path) -> str:
    lines = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
    times = job.resources.restarts + 1
    return f"training in {job.resources.devices} processes failed {times} times; the end of {log}:\n{lines}"
