"""What automations send."""

import json

import pytest
from prefect.server.utilities.user_templates import render_user_template_sync

from flows.automations import PAYLOAD


class Run:
    name = 'community_guidelines "trial"'

    class state:  # noqa: N801 - as Prefect calls it
        name = "Completed"
        message = 'Rejected: a person said "no"\nand why'


@pytest.mark.parametrize("message", ['said "no"\nand why', "plain", None])
def test_the_webhooks_payload_is_json_whatever_the_reason_says(message, monkeypatch):
    monkeypatch.setattr(Run.state, "message", message)
    rendered = render_user_template_sync(
        PAYLOAD.replace("flow_run|ui_url", "flow_run.name"), {"flow_run": Run}
    )
    sent = json.loads(rendered)
    assert (sent["run"], sent["state"], sent["text"]) == (Run.name, "Completed", message)
