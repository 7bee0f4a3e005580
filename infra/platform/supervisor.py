"""Starts services, restarts what ends, and leaves no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from infra.platform.service import Service
from infra.ties import TIED

Phase = Literal["waiting", "starting", "idle", "ready", "silent", "ended"]
ANSWERS = ("idle", "ready")

FIRST, LONGEST = 1.0, 60.0  # seconds of back-off: doubled from the first to the longest
SETTLED = 300.0  # seconds after which an old failure is forgotten
START, SILENCE = (
    180.0,
    120.0,
)  # seconds to become ready, and without an answer, after which a process is given up
CHECK = 10.0  # seconds between two health checks of a service that works
KILL_SECONDS = 5.0  # seconds that a killed process has to be gone
ASKED = 1.0  # seconds between two health checks of a service that is not ready
SHORT = 0.05  # seconds between two looks at what stops
STOP = 40.0  # seconds that a service has to stop: a gateway finishes what it accepted


@dataclass
class Running:
    """A service as it stands. Times are monotonic seconds."""

    service: Service
    process: subprocess.Popen[bytes] | None = None
    phase: Phase = "waiting"
    since: float = 0.0  # its phase
    answered: float = 0.0
    checked: float = 0.0
    starts: int = 0
    failures: int = 0  # in a row
    not_before: float = 0.0
    check: Future[Phase] | None = field(default=None, repr=False)
    sessions: set[int] = field(default_factory=set)  # of processes that ended and left others behind

    @property
    def restarts(self) -> int:
        return max(0, self.starts - 1)

    def moved(self, phase: Phase, now: float) -> None:
        if phase != self.phase:
            self.phase, self.since = phase, now

    def memory(self) -> int:
        """Resident bytes of its process and all that this started."""
        return sum(_resident(process) for process in _family(self.process))


class Supervisor:
    """Tends services: call `tend` again and again, and `stop` at the end."""

    def __init__(
        self, services: Sequence[Service], logs: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.running = {service.name: Running(service) for service in services}
        self._logs, self._clock = logs, clock
        self._checks = ThreadPoolExecutor(max(1, len(services)), thread_name_prefix="health")
        self._hurried = False
        logs.mkdir(parents=True, exist_ok=True)

    @property
    def is_ready(self) -> bool:
        return all(it.phase == "ready" for it in self.running.values())

    @property
    def is_up(self) -> bool:
        """Whether all services answer, although one may lack what it needs for its work."""
        return all(it.phase in ANSWERS for it in self.running.values())

    def tend(self) -> None:
        """One look at every service: start what may start, restart what ended, note what answers."""
        for it in self.running.values():
            if it.process is None:
                self._start_when_due(it)
            elif it.process.poll() is not None:
                self._ended(it)
            else:
                self._look(it)

    def stop(self) -> None:
        """Stop every service and whatever it started; those that others wait for last."""
        ordered = sorted(self.running.values(), key=lambda it: not it.service.after)
        for it in ordered:
            if it.process and it.process.poll() is not None:
                self._ended(it)
        families = [process for it in ordered for process in (*_family(it.process), *_left(it.sessions))]
        for it in ordered:
            if it.process:
                with contextlib.suppress(ProcessLookupError):
                    it.process.send_signal(signal.SIGTERM)
        deadline = self._clock() + STOP
        while self._clock() < deadline and not self._hurried and any(_is_there(it) for it in ordered):
            time.sleep(SHORT)
        _kill(families)
        _gone(families)
        for it in ordered:
            if it.process:
                it.process.wait()  # no zombie
            it.process, it.phase = None, "ended"
        self._checks.shutdown(wait=False, cancel_futures=True)

    def hurry(self) -> None:
        """Let `stop` wait for nobody; for a signal's handler."""
        self._hurried = True

    def _start_when_due(self, it: Running) -> None:
        now, before = self._clock(), self.running.get(it.service.after)
        if now < it.not_before or (before is not None and before.phase not in ANSWERS):
            return
        with (self._logs / f"{it.service.name}.log").open("ab") as log:
            it.process = subprocess.Popen(  # noqa: S603 - our own command
                (*TIED, *it.service.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for this process, which then stops that one in order
            )
        it.starts += 1
        it.answered = now
        it.moved("starting", now)

    def _ended(self, it: Running) -> None:
        assert it.process is not None
        now = self._clock()
        it.sessions.add(it.process.pid)
        if not it.service.outlived:  # a worker of a server that was killed keeps its port
            _kill(_left(it.sessions))
        it.failures = 1 if it.phase in ANSWERS and now - it.since > SETTLED else it.failures + 1
        it.not_before = now + min(LONGEST, FIRST * 2 ** (it.failures - 1))
        it.process, it.check = None, None
        it.moved("ended", now)

    def _look(self, it: Running) -> None:
        now = self._clock()
        if it.check is None and now - it.checked >= (CHECK if it.phase == "ready" else ASKED):
            it.check, it.checked = self._checks.submit(_found, it.service), now
        if it.check is None or not it.check.done():
            return
        found = it.check.result()
        if found in ANSWERS:
            it.answered = now
            it.moved(found, now)
        elif it.phase != "starting":
            it.moved("silent", now)
        it.check = None
        if now - it.answered > (START if it.phase == "starting" else SILENCE):
            _kill(_family(it.process))


def _is_there(it: Running) -> bool:
    return it.process is not None and it.process.poll() is None


def _found(service: Service) -> Phase:
    if not service.ready():
        return "silent"
    return "ready" if service.works() else "idle"


def _gone(processes: Sequence[psutil.Process]) -> None:
    """Wait until killed processes run no more; SIGKILL takes a moment."""
    deadline = time.monotonic() + KILL_SECONDS
    while any(_runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.01)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _family(process: subprocess.Popen[bytes] | None) -> list[psutil.Process]:
    if process is None:
        return []
    try:
        head = psutil.Process(process.pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _left(sessions: set[int]) -> list[psutil.Process]:
    """What processes that began these sessions, and ended, left behind. Forgets sessions that nothing is left of, whose
    numbers others may have then.
    """
    found = [(_session(process), process) for process in psutil.process_iter()]
    others = {session for session, process in found if process.pid == session}
    left = [(session, process) for session, process in found if session in sessions - others]
    sessions.intersection_update(session for session, _ in left)
    return [process for _, process in left]


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # psutil knows a reused id by its start time
            process.kill()
