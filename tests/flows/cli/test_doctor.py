"""`moderato doctor`: what is well, what is not, and what to do."""

import json
import subprocess
import sys

import pytest
from ports import free_ports

DOCTOR = [sys.executable, "-m", "flows.cli", "doctor"]


@pytest.fixture(autouse=True)
def _ports_that_are_free(monkeypatch):
    for name, port in zip(("PREFECT", "MLFLOW", "GATEWAY"), free_ports(3), strict=True):
        monkeypatch.setenv(f"MODERATO_{name}_PORT", str(port))


def examined(**environment):
    """Exit code and findings by subject."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(f"MODERATO_{name}", value)
        done = subprocess.run([*DOCTOR, "--json"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, {found["subject"]: found for found in json.loads(done.stdout)}


def test_an_empty_home_has_nothing_to_mend():
    code, found = examined()
    assert code == 0
    assert {"lake", "MLflow", "platform", "prefect", "torch"} <= set(found)
    assert "to mend" not in {one["verdict"] for one in found.values()}


@pytest.mark.parametrize(
    ("subject", "environment"),
    [
        (
            "lake",
            {"LAKE_URI": "s3://nowhere/lake", "S3_ENDPOINT": "http://127.0.0.1:9", "S3_ACCESS_KEY": "a"},
        ),
        ("Prefect", {"PREFECT_API_URL": "http://127.0.0.1:9/api"}),
    ],
)
def test_a_store_that_is_away_is_to_mend_and_the_setting_is_named(subject, environment):
    code, found = examined(**environment)
    assert code == 2
    assert found[subject]["verdict"] == "to mend"
    assert "MODERATO_" in found[subject]["advice"]


def test_the_table_says_the_same():
    done = subprocess.run(DOCTOR, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "moderato up starts one" in done.stdout
