"""The server that a run starts for itself does not outlive it."""

import subprocess
import sys

import psutil
import pytest
from running_platform import runs, wait_for

pytestmark = pytest.mark.slow

RUN = """
import os, time
from infra.environment import adopt
from infra.settings import Settings
adopt(Settings())
from flows.temporary_server import tie_temporary_server
tie_temporary_server()
from prefect import get_client
client = get_client(sync_client=True)
assert client.api_healthcheck() is None
print("answers", flush=True)
time.sleep(600)
"""


def test_it_ends_with_a_run_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE) as run:
        try:
            assert run.stdout.readline() == b"answers\n"
            servers = psutil.Process(run.pid).children(recursive=True)
            assert servers
        finally:
            run.kill()
    wait_for(lambda: not any(map(runs, servers)), 30)
