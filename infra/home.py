"""What runs on a home, and where: written by `moderato up`, read by every command beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from models.domain.errors import UserError
from models.process.atomic_write import write_text

FILE, LOCK = "up.json", "up.lock"


class AlreadyUpError(UserError):
    """A platform runs on this home already."""


@dataclass(frozen=True)
class Standing:
    """The addresses of a platform that runs, and the process that holds it up."""

    pid: int
    prefect: str
    mlflow: str
    gateway: str

    @classmethod
    def at(cls, host: str, prefect: int, mlflow: int, gateway: int) -> Self:
        """Held up by this process, with a port for each server."""
        return cls(os.getpid(), *(f"http://{host}:{port}" for port in (prefect, mlflow, gateway)))

    @property
    def api(self) -> str:
        """Prefect's."""
        return f"{self.prefect}/api"

    def host_and_port(self, name: str) -> tuple[str, ...]:
        """The address of a server as arguments of a command."""
        host, _, port = str(getattr(self, name)).rpartition("/")[2].rpartition(":")
        return ("--host", host, "--port", port)

    @property
    def where(self) -> str:
        return f"process {self.pid}: Prefect {self.prefect}, MLflow {self.mlflow}, gateway {self.gateway}"


@contextmanager
def held(home: Path, standing: Standing) -> Iterator[None]:
    """Be the one platform of this home; raises AlreadyUpError, which says where the other one is."""
    lock = FileLock(home / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        other = _read(home)
        raise AlreadyUpError(
            f"a platform runs on {home} already, {other.where if other else 'and is just starting'}; "
            "stop that one first, or set MODERATO_HOME to another folder"
        ) from None
    try:
        write_text(home / FILE, json.dumps(asdict(standing)))
        yield
    finally:
        (home / FILE).unlink(missing_ok=True)
        lock.release()


def standing_on(home: Path) -> Standing | None:
    """The platform that runs on `home`; None where none does. A file without its holder is a killed one's."""
    found = _read(home)
    if found is None:
        return None
    lock = FileLock(home / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return found
    lock.release()
    return None


def _read(home: Path) -> Standing | None:
    try:
        return Standing(**json.loads((home / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
