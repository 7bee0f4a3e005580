"""The supervisor on small real processes."""

import signal
import sys
import time

import psutil
import pytest
from running_platform import runs

from infra.platform import Service, Supervisor

FOREVER = "import time; time.sleep(600)"


@pytest.fixture
def tended(tmp_path):
    made = []

    def make(*services):
        made.append(Supervisor(services, tmp_path / "logs"))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.stop()


def service(name, code=FOREVER, ready=lambda: True, after="", *, outlived=False):
    return Service(name, (sys.executable, "-c", code), ready, "nowhere", after, outlived)


def until(supervisor, condition, patience=20):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        supervisor.tend()
        time.sleep(0.02)


def test_a_service_waits_for_the_one_before_it(tended):
    answers = []
    supervisor = tended(service("first", ready=lambda: bool(answers)), service("second", after="first"))
    until(supervisor, lambda: supervisor.running["first"].phase == "starting")
    for _ in range(10):
        supervisor.tend()
    assert supervisor.running["second"].phase == "waiting"
    answers.append(True)
    until(supervisor, lambda: supervisor.is_ready)


def test_what_ends_is_started_again_later_and_later(tended):
    supervisor = tended(service("brief", "raise SystemExit(3)"))
    running = supervisor.running["brief"]
    until(supervisor, lambda: running.failures == 1)
    first = running.not_before - running.since
    until(supervisor, lambda: running.failures == 2)
    assert running.not_before - running.since == pytest.approx(2 * first)
    assert running.restarts == 1


def test_stopping_leaves_no_process_behind(tended):
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {FOREVER!r}], start_new_session=True)\n"
        "time.sleep(600)"
    )
    supervisor = tended(service("parent", parent))
    until(supervisor, lambda: supervisor.is_ready)
    head = psutil.Process(supervisor.running["parent"].process.pid)
    until(supervisor, head.children)
    family = [head, *head.children()]
    supervisor.stop()
    assert not [it for it in family if runs(it)]


@pytest.mark.parametrize("outlived", [False, True])
def test_what_a_killed_service_leaves_behind_is_stopped_at_once_or_with_the_rest(tended, outlived):
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {FOREVER!r}])"
    supervisor = tended(service("parent", parent, outlived=outlived))
    running = supervisor.running["parent"]
    until(supervisor, lambda: running.process and psutil.Process(running.process.pid).children())
    (child,) = psutil.Process(running.process.pid).children()
    running.process.kill()
    until(supervisor, lambda: running.restarts == 1)
    assert runs(child) == outlived
    supervisor.stop()
    assert not runs(child)


def test_one_that_ignores_being_told_is_killed(tended, monkeypatch):
    monkeypatch.setattr("infra.platform.supervisor.STOP", 0.5)
    deaf = f"import signal; signal.signal({int(signal.SIGTERM)}, signal.SIG_IGN); print('deaf', flush=True); {FOREVER}"
    supervisor = tended(service("deaf", deaf))
    until(supervisor, lambda: supervisor.is_ready)
    process = supervisor.running["deaf"].process
    time.sleep(0.3)
    supervisor.stop()
    assert process.returncode == -signal.SIGKILL


def test_output_goes_to_one_log_a_service(tended, tmp_path):
    supervisor = tended(service("talker", f"print('a word', flush=True); {FOREVER}"))
    log = tmp_path / "logs" / "talker.log"
    until(supervisor, lambda: log.exists() and log.read_text() == "a word\n")
