"""A run keeps the name that a person typed; Prefect's made-up ones give way to what the run is about."""

from datetime import UTC, datetime

import pytest
from prefect import flow
from prefect.utilities.names import generate_slug

from flows.naming import is_made_up, unless_typed


def test_what_prefect_makes_up_is_told_from_what_a_person_types():
    assert [slug for slug in (generate_slug(2) for _ in range(300)) if not is_made_up(slug)] == []
    for star in ("alpha-andromedae", "beta3-canis-majoris", "omega71-ursae-minoris-void"):  # its page's
        assert is_made_up(star)
    for typed in ("new rules", "spring-rules", "Iron-Otter", "alpha", "otter", "community_guidelines 2026"):
        assert not is_made_up(typed)


@pytest.mark.slow
@pytest.mark.parametrize(("given", "kept"), [("spring rules", True), ("beta3-canis-majoris-void", False)])
def test_a_run_is_called_what_was_typed(prefect_server, given, kept):
    from prefect import get_client
    from prefect.flow_engine import run_flow

    @unless_typed
    def about():
        return f"about it {datetime.now(UTC):%Y}"

    @flow(flow_run_name=about)
    def small():
        """Nothing."""

    with get_client(sync_client=True) as client:
        run = client.create_flow_run(small, name=given)
        run_flow(small, flow_run=run)
        assert client.read_flow_run(run.id).name == (given if kept else f"about it {datetime.now(UTC):%Y}")
