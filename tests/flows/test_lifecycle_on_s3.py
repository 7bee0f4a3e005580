"""The same lifecycle with its lake, its landing zone and MLflow's artifacts on a real S3 server."""

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from infra.lake import open_lake
from infra.registry import Registry
from infra.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.s3, pytest.mark.usefixtures("prefect_server")]

LANDED = 40


@pytest.fixture
def bucket(s3_server, tmp_path, monkeypatch, prefect_server):
    """A new bucket that the settings of this process, and of the commands it starts, keep everything in."""
    bucket = s3_server.bucket(s3_server.settings(tmp_path))
    environment = {
        "HOME": str(tmp_path / "home"),
        "PREFECT_API_URL": prefect_server,
        "LAKE_URI": f"s3://{bucket.bucket}/lake",
        "MLFLOW_ARTIFACT_URI": f"s3://{bucket.bucket}/mlflow",
        "S3_ENDPOINT": s3_server.endpoint,
        "S3_ACCESS_KEY": s3_server.access_key,
        "S3_SECRET_KEY": s3_server.secret_key,
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"MODERATO_{name}", value)
    return bucket


def moderato(*arguments):
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def land(bucket, folder):
    """Put a file of posts into the landing zone; returns it."""
    path = folder / "posts.jsonl"
    posts = [{"post_id": f"landed-{n}", "text": f"post number {n}"} for n in range(LANDED)]
    path.write_text("".join(json.dumps(post) + "\n" for post in posts))
    bucket.client.upload_file(str(path), bucket.bucket, "landing/posts.jsonl")
    return path


def test_the_whole_lifecycle_runs_on_an_s3_server(bucket, tmp_path):
    moderato("simulate", "--posts", 1500)
    posts = land(bucket, tmp_path)
    landing = f"s3://{bucket.bucket}/landing"
    assert moderato("ingest", "jsonl", landing)["posts"]["inserted"] == LANDED
    assert moderato("ingest", "jsonl", landing)["skipped"] == 1
    outcome = moderato("retrain", "--preset", "trial")
    assert outcome["promoted"]
    moderato("score", posts, tmp_path / "scores.parquet")
    assert pq.read_table(tmp_path / "scores.parquet").num_rows == LANDED
    assert moderato("status")["champion"]["version"] == outcome["model_version"]
    settings = Settings()
    assert open_lake(settings).uri.startswith("s3://")
    assert not (settings.home / "lake").exists()
    run = Registry(settings).client.get_run(outcome["run_id"])
    assert run.info.artifact_uri.startswith(f"s3://{bucket.bucket}/mlflow")
