"""A lease: at most one of several processes, on whatever machine, holds a name at a time.

Kept as a row of the lake, whose commits are atomic on a folder as on S3. A holder that dies is over with its lease.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from infra.lake import Lake
from models.domain.errors import UserError
from models.domain.schemas import LEASES

FREE = "target.owner = source.owner OR target.until < source.asked_at"
KEPT_VERSIONS = 100  # versions of the table, each a commit
RETRY = 0.05  # seconds


class LeaseTakenError(UserError):
    """A lease that another process holds."""


def _owner() -> str:
    return f"{socket.gethostname()} process {os.getpid()} {secrets.token_hex(4)}"


@dataclass(frozen=True)
class Lease:
    """Held for `seconds` after each successful `ask`."""

    lake: Lake
    name: str
    seconds: float
    owner: str = field(default_factory=_owner)

    def ask(self) -> bool:
        """Take the lease, or keep it for longer; False while another holds it."""
        return self._write(timedelta(seconds=self.seconds))

    def wait(self, patience: float) -> None:
        """Take the lease as soon as it is free; raises LeaseTakenError after `patience` seconds."""
        end = time.monotonic() + patience
        while not self.ask():
            if time.monotonic() > end:
                raise LeaseTakenError(
                    f"{self.name} is held by {self.holder()}; wait for it, or stop that process"
                )
            time.sleep(RETRY)

    def release(self) -> None:
        """Let the next one have it at once."""
        self._write(timedelta(0))

    def holder(self) -> str:
        """Who holds it, or held it last; empty where nobody ever did."""
        if not self.lake.leases.exists():
            return ""
        rows = self.lake.leases.open().to_table(filter=f"name = '{self.name}'")
        return str(rows["owner"][0]) if len(rows) else ""

    def ended(self) -> datetime | None:
        """When it ended, or will end where nobody asks again; None where nobody ever held it."""
        if not self.lake.leases.exists():
            return None
        rows = self.lake.leases.open().to_table(filter=f"name = '{self.name}'")
        return rows["until"][0].as_py() if len(rows) else None

    def _write(self, duration: timedelta) -> bool:
        now = datetime.now(UTC)
        row = {"name": self.name, "owner": self.owner, "asked_at": now, "until": now + duration}
        taken = self.lake.leases.replace_where(pa.Table.from_pylist([row], LEASES), FREE) == 1
        dataset = self.lake.leases.open()
        if dataset.version % KEPT_VERSIONS == 0:
            dataset.cleanup_old_versions(timedelta(minutes=1))
        return taken
