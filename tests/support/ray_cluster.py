"""A Ray cluster of several machines on this one: each has a core, a loopback address, and temporary files that no
other sees.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from ports import free_ports

HEAD = "127.0.0.2"
STARTED = "Ray runtime started."
START = 120  # seconds
APART = 'mount --bind "$1" "$TMPDIR" && shift && exec "$@"'


@contextmanager
def cluster(folder: Path, machines: int, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """What a client's environment has to say; processes of the machines, from 0 on, have theirs as MACHINE.

    Skips where a user may not mount.
    """
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount, so that machines have files of their own")
    gcs, clients = free_ports(2)
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    head = ["--head", f"--port={gcs}", f"--ray-client-server-port={clients}", "--include-dashboard=false"]
    joining = [f"--address={HEAD}:{gcs}"]
    with ExitStack() as stack:
        seen = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="ray-")
        )  # a short name, as sockets want
        for number in range(machines):
            named = [*(joining if number else head), f"--node-ip-address=127.0.0.{number + 2}"]
            place = {"TMPDIR": seen, "RAY_TMPDIR": seen, "MACHINE": str(number)}
            stack.enter_context(_machine(folder / place["MACHINE"], named, {**environment, **token, **place}))
        yield {"RAY_ADDRESS": f"ray://{HEAD}:{clients}", **token}


@contextmanager
def _machine(own: Path, named: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    own.mkdir()
    log = own / "log.txt"
    ray = [str(Path(sys.executable).parent / "ray"), "start", "--block", "--num-cpus=1", *named]
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", APART, "sh", str(own), *ray],
            env={**os.environ, **environment, "RAY_USAGE_STATS_ENABLED": "0"},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=own, start_new_session=True,
        )  # fmt: skip
    try:
        _await(process, log)
        yield
    finally:
        process.terminate()
        process.wait()


def _await(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START
    while STARTED not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Ray did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)
