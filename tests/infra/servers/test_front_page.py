"""MLflow's page as a person finds it who types its address."""

import json
import os
import subprocess
import sys

import httpx
import pytest
from gateway_server import until
from ports import free_port
from tiny_model import open_store

from infra.registry import Registry
from infra.servers.front_page import opening

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of MLflow over a store with the experiment, and the experiment's id."""
    from infra.settings import Settings

    settings, port = Settings(home=tmp_path_factory.mktemp("home"), _env_file=None), free_port()
    open_store(settings)
    experiment = Registry(settings).experiment_id
    command = [sys.executable, "-m", "infra.servers.mlflow", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {
        "MODERATO_HOME": str(settings.home),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(address), 120)
        yield address, experiment
    finally:
        server.terminate()
        server.wait()


def answers(address):
    try:
        return httpx.get(f"{address}/health").is_success
    except httpx.TransportError:
        return False


def test_the_bare_address_leads_to_the_models_and_a_choice_of_ones_own_stays(served, browser):
    address, experiment = served
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_url(f"**/#/experiments/{experiment}/runs**", timeout=60_000)
        page.get_by_text("Model registry").first.wait_for(timeout=60_000)
        assert page.get_by_text("Ask questions about your").count() == 0
        page.evaluate("localStorage.setItem('mlflow.workflowType_v1', JSON.stringify('genai'))")
        page.goto(f"{address}/#/models")
        page.reload()
        assert page.url.endswith("/#/models")
        assert page.evaluate("localStorage.getItem('mlflow.workflowType_v1')") == json.dumps("genai")


def test_the_rest_of_mlflow_is_as_it_was(served):
    address, experiment = served
    found = httpx.get(f"{address}/api/2.0/mlflow/experiments/get", params={"experiment_id": experiment})
    assert found.json()["experiment"]["name"] == "moderato"
    assert httpx.get(f"{address}/static-files/favicon.ico").is_success


def test_before_the_first_retraining_it_stays_on_its_welcome():
    assert "location.replace" not in opening("")
    assert 'location.replace("#/experiments/7")' in opening("7")
