import re

import httpx
import pytest
from gateway_server import in_thread

from infra.settings import Settings


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_monitoring_needs_no_key(gateway, path):
    assert httpx.get(f"{gateway.url}{path}").status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/openapi.json", "/v1/decisions/1"])
def test_everything_else_does(gateway, path):
    answer = httpx.get(f"{gateway.url}{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "missing_api_key")


def test_a_browser_may_send_the_key_as_a_password(gateway):
    assert "paths" in httpx.get(f"{gateway.url}/openapi.json", auth=("", gateway.key)).json()


def test_the_page_and_every_asset_it_names_come_from_the_gateway_itself(gateway):
    page = httpx.get(f"{gateway.url}/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) == 3
    assert "//" not in "".join(assets)
    assert not re.findall(r"https?://", page)
    for asset in assets:
        answer = httpx.get(f"{gateway.url}{asset}")
        assert (answer.status_code, len(answer.content) > 0) == (200, True)


def test_no_other_file_is_an_asset(gateway):
    answer = httpx.get(f"{gateway.url}/docs/redoc.standalone.js")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_the_document_names_the_scopes_and_the_errors(gateway):
    with gateway.client() as client:
        document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/decisions"]["post"]
    assert operation["security"] == [{"key": ["decide"]}]
    assert {"200", "4XX", "503"} <= set(operation["responses"])
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_metrics_count_decisions_by_version_role_and_action(gateway):
    gateway.decide("counted", text="violence violence")
    shown = httpx.get(f"{gateway.url}/metrics").text
    assert 'moderato_decisions_total{action="age_gate",role="champion",version="1"}' in shown
    assert 'moderato_requests_total{route="/v1/decisions",status="200"}' in shown
    for name in ("moderato_request_seconds_bucket", "moderato_batch_posts_bucket", "moderato_queue_posts"):
        assert name in shown


def test_an_unknown_path_makes_no_label_of_its_own(gateway):
    httpx.get(f"{gateway.url}/made-up-path")
    assert "made-up-path" not in httpx.get(f"{gateway.url}/metrics").text


def test_every_answer_has_a_request_id(gateway):
    first, second = (httpx.get(f"{gateway.url}/healthz").headers["X-Request-Id"] for _ in range(2))
    assert first != second


def test_without_a_champion_it_starts_and_says_what_is_missing(settings: Settings):
    with in_thread(settings, ready=False) as served:
        answer = httpx.get(f"{served.url}/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (
            503,
            "no champion yet: train one with moderato retrain",
        )
        assert httpx.get(f"{served.url}/healthz").status_code == 200
        with served.client() as client:
            refused = client.post("/v1/moderations", json={"input": "plain1"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_ready")
        assert refused.headers["Retry-After"] == "2"
