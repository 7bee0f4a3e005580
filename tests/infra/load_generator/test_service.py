import subprocess
import sys
from urllib.request import urlopen

import psutil
import pytest
from ports import free_port
from running_platform import runs, wait_for

from infra.load_generator import NotStartedError, started


def test_a_server_is_there_within_the_block_and_gone_after_it(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [
        sys.executable,
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(tmp_path),
    ]
    with started(command, url, tmp_path / "log"):
        assert urlopen(url).status == 200
        (process,) = [child for child in psutil.Process().children() if str(port) in child.cmdline()]
    assert not process.is_running()


BESIDE = """
import sys, time
from pathlib import Path
from infra.load_generator import started
url = f"http://127.0.0.1:{sys.argv[1]}/"
command = [sys.executable, "-m", "http.server", sys.argv[1], "--bind", "127.0.0.1", "--directory", sys.argv[2]]
with started(command, url, Path(sys.argv[2]) / "log"):
    print("started", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are tied to their parent on Linux")
def test_it_ends_with_whoever_started_it_although_that_is_killed(tmp_path):
    command = [sys.executable, "-c", BESIDE, str(free_port()), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"started\n"
        (process,) = psutil.Process(parent.pid).children()
        parent.kill()
    wait_for(lambda: not runs(process), 20)


def test_one_that_ends_by_itself_is_named_with_its_log(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with (
        pytest.raises(NotStartedError, match=r"ended with 1; .*log says why"),
        started(command, f"http://127.0.0.1:{free_port()}/", tmp_path / "log"),
    ):
        pytest.fail("it was entered")
    assert "no such thing" in (tmp_path / "log").read_text()
