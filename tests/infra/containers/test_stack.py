"""The whole lifecycle with Prefect and MLflow on PostgreSQL, and the lake and artifacts on S3."""

import pytest
from running_platform import wait_for
from stack import stack

from infra.lake import open_lake
from infra.registry import Registry
from infra.settings import adopt
from infra.simulator import simulate

pytestmark = [pytest.mark.slow, pytest.mark.s3]


@pytest.fixture(scope="module")
def running():
    with stack() as both, pytest.MonkeyPatch.context() as patch:
        for name, value in both[0].environment("worker").items():
            patch.setenv(name, value)
        yield both


def test_the_lifecycle_runs_and_survives_restarts_of_postgresql_and_of_s3(running):
    services, platform = running
    adopt(platform.settings)
    simulate(open_lake(platform.settings), posts=3000, weeks=4, seed=1)
    first = platform.start(training={"preset": "trial"})
    assert platform.ended(first)["message"] == "Promoted"
    registry = Registry(platform.settings)
    champion = registry.champion()

    for seed, server in enumerate(("postgres", "s3"), 1):
        run = platform.start(
            training={"preset": "trial", "seed": seed}, rollout={"canary": False, "plan": "brief"}
        )
        wait_for(lambda run=run: "training" in platform.artifacts(run), 120)
        services.stop(server)
        services.start(server)
        ended = platform.ended(run)
        assert ended["type"] == "COMPLETED", (server, ended["message"], print(services.log("worker")[-9000:]))
    assert len(registry.versions()) == len({version.key for version in registry.versions()}) == 3
    assert registry.champion().version >= champion.version
