"""Schemathesis makes requests up from the OpenAPI document, valid and not, and none may end in a server error."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

OPERATIONS = (
    ("POST", "/v1/moderations"),
    ("POST", "/v1/decisions"),
    ("GET", "/v1/decisions/{decision_id}"),
    ("GET", "/v1/models"),
)


@pytest.fixture(scope="module")
def document(gateway):
    with gateway.client() as client:
        return schemathesis.openapi.from_dict(client.get("/openapi.json").json())


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_ends_in_a_server_error(gateway, document, method, path):
    operation = document[path][method]
    headers = {"Authorization": f"Bearer {gateway.key}"}
    made_up = st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=made_up)
    def ask(case):
        case.call_and_validate(base_url=gateway.url, headers=headers, checks=[not_a_server_error])

    ask()
