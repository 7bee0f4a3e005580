"""Each service is killed in turn during a retraining: it ends well or is marked crashed, and registers once."""

from collections import Counter

import pytest
from running_platform import up, wait_for

from infra.lake import open_lake
from infra.registry import Registry
from infra.settings import Settings
from infra.simulator import simulate

pytestmark = [pytest.mark.slow, pytest.mark.minutes]

SERVICES = {
    "prefect": ("prefect", "server"),
    "mlflow": ("mlflow", "server"),
    "gateway": ("serve", "--port"),
    "deployments": ("flows.command_line", "worker"),
}


def test_a_retraining_survives_the_death_of_each_service_or_is_marked_crashed(tmp_path):
    home = tmp_path / "home"
    simulate(open_lake(Settings(home=home, _env_file=None)), posts=3000, weeks=4, seed=1)
    with up(home) as platform:
        first = platform.start(training={"preset": "trial"})
        assert platform.ended(first)["message"] == "Promoted"
        registry = Registry(platform.settings)
        for seed, words in enumerate(SERVICES.values(), 1):
            run = platform.start(
                training={"preset": "trial", "seed": seed}, rollout={"canary": False, "plan": "brief"}
            )
            wait_for(lambda run=run: "training" in platform.artifacts(run), 120)
            platform.service(*words).kill()
            ended = platform.ended(run, 400)
            assert ended["type"] in ("COMPLETED", "CRASHED"), (words, ended)
            champion = registry.champion()
            assert champion is not None
        made = Counter(version.key for version in registry.versions())
        assert set(made.values()) == {1}
