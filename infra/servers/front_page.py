"""MLflow's page opens where Moderato's models are: on their experiment, in the mode for models.

MLflow itself opens on a welcome, in a mode for language models that hides models and charts; the mode is kept in the
browser, so no setting of the server reaches it. Who chose a mode, or follows a link, is left alone.
"""

from __future__ import annotations

import json
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

DEFAULTS = {  # of the browser's local storage, as MLflow writes it there
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",  # a chat that would take a quarter of the page
}
HEAD_END = "</head>"


class FrontPage:
    """In front of MLflow's app, for its page at `/` alone."""

    def __init__(self, app: ASGIApp, experiment: str) -> None:
        self._app, self._experiment = app, experiment

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
            page = await run_in_threadpool(self._page)
            if page:
                await HTMLResponse(page)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _page(self) -> str:
        """MLflow's own page with our words in its head; empty where it is not as it was."""
        import mlflow.server

        index = Path(mlflow.server.__file__).parent / mlflow.server.REL_STATIC_DIR / "index.html"
        written = index.read_text() if index.is_file() else ""
        if HEAD_END not in written:
            return ""
        return written.replace(HEAD_END, f"<script>{opening(self._found())}</script>{HEAD_END}", 1)

    def _found(self) -> str:
        """The experiment's id; empty before the first retraining."""
        from mlflow.server.handlers import _get_tracking_store

        found = _get_tracking_store().get_experiment_by_name(self._experiment)
        return str(found.experiment_id) if found else ""


def opening(experiment_id: str) -> str:
    """The script: a mode where none was chosen, a place where none was asked for."""
    kept = f"for (const [name, value] of Object.entries({json.dumps(DEFAULTS)})) "
    kept += "if (!localStorage.getItem(name)) localStorage.setItem(name, value);"
    place = json.dumps(f"#/experiments/{int(experiment_id)}") if experiment_id else ""
    return f"{kept} if (!location.hash) location.replace({place});" if place else kept
