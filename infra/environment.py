"""The environment of a process: what libraries read there, and what every process of the platform begins with."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from infra.home import standing_on
from infra.private import make_private
from infra.secrets import mask_logs
from infra.settings import PREFIX, USER, Settings
from models.domain.project import VARIABLE
from models.process.malloc import share_between_threads

SIMULATED = "community_guidelines"  # the policy set of simulated moderators


def adopt(settings: Settings) -> None:
    """Hand the settings to libraries that only read the environment: Prefect, MLflow's S3 client, Great Expectations.

    Call once, at the entry point, before those libraries are imported. The home is its owner's alone from here on.
    """
    _settle(settings)
    standing = standing_on(settings.home)
    server = settings.prefect_api_url or (standing.api if standing else "")
    user, _, password = settings.credentials.partition(":")
    environment = {
        "PREFECT_API_AUTH_STRING": settings.credentials,
        "MLFLOW_TRACKING_USERNAME": user,
        "MLFLOW_TRACKING_PASSWORD": password,
        VARIABLE: settings.project and str(Path(settings.project).absolute()),
        "PREFECT_HOME": str(settings.home.absolute() / "prefect"),
        "PREFECT_API_URL": server,
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
        "PREFECT_LOCAL_STORAGE_PATH": str(settings.results),
        # seconds; an automation of the server takes a run without for dead (flows.automations)
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30" if server else "",
        "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",  # while its database starts again
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # of a machine whose cores are taken
        "PREFECT_LOGGING_LEVEL": os.environ.get("PREFECT_LOGGING_LEVEL", "WARNING"),
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "False",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        "MLFLOW_S3_ENDPOINT_URL": settings.s3_endpoint,
        "AWS_DEFAULT_REGION": settings.s3_region,
        "AWS_ACCESS_KEY_ID": settings.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else "",
    }
    if not server and "prefect" not in sys.modules:
        environment |= _temporary_server(settings)
    os.environ.update({name: value for name, value in environment.items() if value})
    share_between_threads()


def entered() -> Settings:
    """The settings of a flow, with what it begins with, whoever started its process: a work pool calls no command."""
    settings = Settings()
    _settle(settings)
    return settings


def isolate(home: Path) -> Settings:
    """Settings for a home of its own: no store that is configured elsewhere is read or written from here on.

    Its moderators are simulated, and judge by the shipped policies.
    """
    os.environ[f"{PREFIX}HOME"] = str(home)
    os.environ[f"{PREFIX}POLICY_SET"] = SIMULATED
    for name in Settings.model_fields:
        if name.endswith("_uri") or name in {"prefect_api_url", "s3_endpoint"}:
            os.environ[PREFIX + name.upper()] = ""
    return Settings()


def _settle(settings: Settings) -> None:
    """The home is its owner's alone from here on, and no log shows a secret."""
    make_private(settings.home)
    mask_logs()


def _temporary_server(settings: Settings) -> dict[str, str]:
    """Prefect starts a server for this process alone, which by default answers every page and program of the machine.

    A secret that only this process and its children know keeps the others out.
    """
    known = os.environ.get("PREFECT_SERVER_API_AUTH_STRING") or settings.credentials
    pair = known or f"{USER}:{secrets.token_urlsafe(32)}"
    return {
        "PREFECT_API_AUTH_STRING": pair,
        "PREFECT_SERVER_API_AUTH_STRING": pair,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "http://127.0.0.1",
    }
