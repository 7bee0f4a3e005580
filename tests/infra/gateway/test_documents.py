"""The page of the API in a browser: it works, and runs nothing but its own scripts."""

import httpx
import pytest
from chromium import chromium


def test_every_document_says_what_it_is_and_who_may_frame_it(gateway):
    for path in ("/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"):
        headers = httpx.get(f"{gateway.url}{path}", auth=("", gateway.key)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
    policy = httpx.get(f"{gateway.url}/docs", auth=("", gateway.key)).headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'; script-src 'self' 'sha256-" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]


@pytest.mark.slow
def test_the_page_works_under_its_policy(gateway):
    said = []
    with chromium() as browser:
        page = browser.new_context(http_credentials={"username": "", "password": gateway.key}).new_page()
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{gateway.url}/docs")
        page.get_by_text("/v1/decisions").first.click()
        page.get_by_role("button", name="Try it out").first.wait_for()
    assert [text for text in said if "Content Security Policy" in text] == []
