"""Automations: what Prefect does by itself when something happens to a run, or a signal of drift comes."""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from uuid import UUID

from prefect.automations import Automation
from prefect.blocks.notifications import SlackWebhook
from prefect.blocks.webhook import Webhook
from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from pydantic import SecretStr

from infra.settings import Settings
from tasks.release.watch import DRIFT

HEARTBEAT = "prefect.flow-run.heartbeat"
MISSED_HEARTBEATS = timedelta(seconds=100)  # three heartbeats of half a minute
BLOCK = "moderato"
NEWS = ("Completed", "Failed", "Crashed", "TimedOut", "Suspended")
ENDS = ("Cancelled", "Cancelling", "Paused", *NEWS)
SUBJECT = "Moderato: {{ flow_run.name }} {{ flow_run.state.name }}"
PAYLOAD = (  # JSON whatever a reason says: its quotes are escaped
    '{"run": {{ flow_run.name|tojson }}, "state": {{ flow_run.state.name|tojson }}, '
    '"text": {{ flow_run.state.message|tojson }}, "url": {{ flow_run|ui_url|tojson }}}'
)
BODY = "{{ flow_run.name }}: {{ flow_run.state.name }}. {{ flow_run.state.message }} {{ flow_run|ui_url }}"


def automate(settings: Settings, deployed: dict[str, UUID]) -> list[Automation]:
    """Make every automation that is missing and renew the others; whoever switched one off keeps it off.

    deployed: ids of deployments by the name of their flow.
    """
    wanted = [_crash_the_silent(), _retrain_on_drift(deployed["retrain"])]
    return [_kept(it) for it in (*wanted, *_notifications(settings))]


def _crash_the_silent() -> Automation:
    return Automation(
        name="crash runs whose process died",
        description="A run that has sent no heartbeat is marked crashed, which frees its place.",
        trigger=EventTrigger(
            after={HEARTBEAT, "prefect.flow-run.Running"},  # some die before their first heartbeat
            expect={HEARTBEAT, *(f"prefect.flow-run.{end}" for end in ENDS)},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=MISSED_HEARTBEATS,
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                message="its process sent no sign of life; start it again, and it goes on at its first unfinished step",
            )
        ],
    )


def _retrain_on_drift(deployment: UUID) -> Automation:
    return Automation(
        name="retrain on drift",
        description="What watch finds out of bounds starts a retraining; watch keeps the time between two.",
        trigger=EventTrigger(expect={DRIFT}, posture=Posture.Reactive, threshold=1, within=timedelta(0)),
        actions=[RunDeployment(deployment_id=deployment)],
    )


def _notifications(settings: Settings) -> list[Automation]:
    found = []
    trigger = EventTrigger(
        expect={f"prefect.flow-run.{name}" for name in NEWS},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "flow", "prefect.resource.name": "retrain"},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    description = "A retraining failed, was rejected, asks for approval, was rolled back or promoted."
    if settings.notify_webhook:
        block = _block(Webhook(url=settings.notify_webhook))
        action = CallWebhook(block_document_id=block, payload=PAYLOAD)
        found.append(
            Automation(name="tell the webhook", description=description, trigger=trigger, actions=[action])
        )
    if settings.notify_slack:
        block = _block(SlackWebhook(url=SecretStr(settings.notify_slack.get_secret_value())))
        said = SendNotification(block_document_id=block, subject=SUBJECT, body=BODY)
        found.append(Automation(name="tell Slack", description=description, trigger=trigger, actions=[said]))
    return found


def _block(block: Webhook | SlackWebhook) -> UUID:
    return UUID(str(block.save(BLOCK, overwrite=True)))


def _kept(wanted: Automation) -> Automation:
    try:
        there = cast("Automation", Automation.read(name=wanted.name))
    except ValueError:
        return cast("Automation", wanted.create())
    renewed = wanted.model_copy(update={"id": there.id, "enabled": there.enabled})
    if renewed.model_dump() != there.model_dump():  # an update forgets every run that is waited for
        renewed.update()
    return renewed
