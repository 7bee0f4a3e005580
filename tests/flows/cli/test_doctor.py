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


def test_an_empty_home_has_nothing_to_mend():
    done = subprocess.run([*DOCTOR, "--json"], capture_output=True, text=True, check=False)
    found = by_subject(done.stdout)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
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
def test_a_store_that_is_away_is_to_mend_and_the_setting_is_named(subject, environment, command, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(f"MODERATO_{name}", value)
    code, out, err = command("doctor", "--json")
    assert (code, "Traceback" in err) == (2, False)
    found = by_subject(out)
    assert found[subject]["verdict"] == "to mend"
    assert "MODERATO_" in found[subject]["advice"]


def by_subject(told):
    return {found["subject"]: found for found in json.loads(told)}


def test_the_table_says_the_same(command):
    code, out, _ = command("doctor")
    assert code == 0
    assert "moderato up starts one" in out
