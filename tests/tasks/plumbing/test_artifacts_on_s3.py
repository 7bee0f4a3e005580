import json

import pytest
from tiny_model import make_champion

from infra.environment import adopt
from infra.registry import Registry
from infra.settings import Settings
from models.bundle.manifest import verify
from tasks.scoring.score import score

pytestmark = [pytest.mark.s3, pytest.mark.slow]


@pytest.fixture
def on_s3(s3_server, tmp_path):
    """Settings with lake and MLflow artifacts in one bucket, known to the libraries that read the environment."""
    bucket = s3_server.bucket(s3_server.settings(tmp_path / "home")).bucket
    settings = s3_server.settings(
        tmp_path / "home", lake_uri=f"s3://{bucket}/lake", mlflow_artifact_uri=f"s3://{bucket}/artifacts"
    )
    adopt(settings)
    return settings


def test_a_champion_on_s3_is_registered_fetched_and_scores(on_s3: Settings, tmp_path):
    release = make_champion(on_s3)
    registry = Registry(on_s3)
    version = registry.champion()
    assert version.version == release.version
    artifacts = registry.client.list_artifacts(release.run_id, "evaluation")
    assert "evaluation/model-card.html" in {entry.path for entry in artifacts}
    assert registry.client.get_run(release.run_id).info.artifact_uri.startswith("s3://")
    assert verify(registry.fetch(version)) == version.digest
    (tmp_path / "posts.jsonl").write_text(json.dumps({"post_id": "a", "text": "plain1"}))
    assert score.fn(on_s3, tmp_path / "posts.jsonl", tmp_path / "out.parquet", "champion", None).posts == 1
