"""The page of the API in a browser: it says what to type, works, and runs nothing but its own scripts."""

from urllib.parse import urlsplit

import httpx
import pytest
from chromium import browser  # noqa: F401 - a fixture

from infra.client import MAKE_A_KEY

WIDTHS = (1440, 390)  # pixels: a desk, a phone


def bodies(document):
    """Every example of a request body: path, its line, and what is sent."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {})
            for name, example in content.get("application/json", {}).get("examples", {}).items():
                yield path, name, example["value"]


def test_every_document_says_what_it_is_and_who_may_frame_it(gateway):
    for path in ("/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"):
        headers = httpx.get(f"{gateway.url}{path}", auth=("", gateway.key)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
    policy = httpx.get(f"{gateway.url}/docs").headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'; script-src 'self' 'sha256-" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]


def test_the_page_needs_no_key_and_the_document_does(gateway):
    page = httpx.get(f"{gateway.url}/docs")
    assert page.status_code == 200
    assert MAKE_A_KEY in page.text
    assert httpx.get(f"{gateway.url}/openapi.json").status_code == 401


def test_every_example_is_answered_as_it_stands(gateway):
    with gateway.client() as client:
        document = client.get("/openapi.json").json()
        sent = list(bodies(document))
        assert {path for path, *_ in sent} == {
            path for path, operations in document["paths"].items() if "post" in operations
        }
        for path, name, body in sent:
            answer = client.post(path, json=body)
            assert answer.status_code == 200, (path, name, answer.text)


def test_the_document_says_what_a_key_is(gateway):
    with gateway.client() as client:
        scheme = client.get("/openapi.json").json()["components"]["securitySchemes"]["key"]
    assert MAKE_A_KEY in scheme["description"]


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_a_person_types_a_key_and_sends_the_example(gateway, browser, width):  # noqa: F811
    page = browser.new_page(viewport={"width": width, "height": 1000})
    said, hosts = [], set()
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(f"{gateway.url}/docs")
    page.get_by_label("API key").fill("mod_wrong")
    page.get_by_role("button", name="Show the API").click()
    page.get_by_text("unknown or revoked API key").wait_for()
    page.get_by_label("API key").fill(f"Bearer {gateway.key}")
    page.get_by_role("button", name="Show the API").click()
    operation = page.locator("#operations-Decisions-create_decisions_v1_decisions_post")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    operation.locator(".live-responses-table .response-col_status").get_by_text("200").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hosts - {""} == {urlsplit(gateway.url).netloc}  # data: has no host
    assert [text for text in said if "Content Security Policy" in text] == []
    page.close()
