"""What automations send."""

import json
from uuid import uuid4

import pytest
from prefect.blocks.notifications import SlackWebhook
from prefect.server.utilities.user_templates import render_user_template_sync

from flows.automations import PAYLOAD, automate
from infra.settings import Settings


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated:DeprecationWarning"
)  # in what Prefect sends to Slack with
def test_only_who_is_named_is_told_and_whoever_switched_one_off_keeps_it_off(prefect_server):
    told = Settings(
        _env_file=None,
        notify_webhook="http://127.0.0.1:9/hook",
        notify_slack="https://hooks.slack.example/services/T/B/key",
    )
    deployed = {"retrain": uuid4()}
    silent = {it.name for it in automate(Settings(_env_file=None), deployed)}
    assert silent == {"crash runs whose process died", "retrain on drift"}
    made = {it.name: it for it in automate(told, deployed)}
    assert set(made) == silent | {"tell the webhook", "tell Slack"}
    assert str(SlackWebhook.load("moderato").url.get_secret_value()).endswith("/services/T/B/key")
    made["tell Slack"].disable()
    again = {it.name: it.enabled for it in automate(told, deployed)}
    assert again == dict.fromkeys(made, True) | {"tell Slack": False}


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
