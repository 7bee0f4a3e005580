"""A run whose process died without a word is marked crashed within minutes, and the next one gets its place."""

import pytest
from running_platform import up, wait_for

from infra.lake import open_lake
from infra.settings import Settings
from infra.simulator import simulate

pytestmark = pytest.mark.slow


def test_a_run_whose_process_died_is_marked_crashed_and_frees_its_place(tmp_path):
    home = tmp_path / "home"
    simulate(open_lake(Settings(home=home, _env_file=None)), posts=3000, weeks=4, seed=1)
    with up(home) as platform:
        dies = platform.start(training={"preset": "compact,epochs=500,patience=500"})
        wait_for(lambda: platform.state(dies)["type"] == "RUNNING", 60)
        waits = platform.start(training={"preset": "trial"})
        runner = platform.service("flows.command_line", "worker")
        for process in (runner, *runner.children(recursive=True)):
            process.kill()
        assert platform.ended(dies, 300)["type"] == "CRASHED"
        assert platform.ended(waits, 300)["message"] == "Promoted"
