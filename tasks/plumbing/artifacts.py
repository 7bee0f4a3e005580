"""What a step tells on its run's page in Prefect; a step that runs without Prefect tells nothing."""

from __future__ import annotations

from urllib.parse import quote

from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.context import TaskRunContext

from infra.registry import Registry

MODELS = "?workflowType=machine_learning"


def tell(key: str, markdown: str, description: str = "") -> None:
    """Markdown under `key`: lower-case letters, digits and dashes."""
    if TaskRunContext.get():
        create_markdown_artifact(key=key, markdown=markdown, description=description)


def link(key: str, url: str, text: str) -> None:
    """A link under `key`; none where `url` is empty."""
    if url and TaskRunContext.get():
        create_link_artifact(key=key, link=url, link_text=text)


def run_url(registry: Registry, run_id: str, path: str = "") -> str:
    """Where people read an MLflow run, or one of its artifacts; empty where no address is set for MLflow.

    MLflow's page has a mode for language models, in which it opens; the address asks for the other.
    """
    root = _root(registry)
    place = f"/artifacts/{path}" if path else ""
    return f"{root}/#/experiments/{registry.experiment_id}/runs/{run_id}{place}{MODELS}" if root else ""


def version_url(registry: Registry, version: int) -> str:
    """Where people read a registered version; empty where no address is set for MLflow."""
    root = _root(registry)
    return f"{root}/#/models/{quote(registry.name, safe='')}/versions/{version}{MODELS}" if root else ""


def _root(registry: Registry) -> str:
    """MLflow's address for people; empty where that is no page's."""
    address = registry.settings.mlflow_url.rstrip("/")
    return address if address.startswith(("http://", "https://")) else ""
