"""MLflow's server behind the guard: `python -m infra.servers.mlflow --host HOST --port PORT --artifact-root ADDRESS`.

The same app as `mlflow server` runs, in one process in place of three. MLflow's own checks stay on; they let every page
of this machine in, whichever port it comes from, and ask for no password.
"""

from __future__ import annotations

import os

import uvicorn
from starlette.types import ASGIApp

from infra.registry import make_embedded
from infra.servers.arguments import GRACE, arguments
from infra.servers.front_page import FrontPage
from infra.servers.guard import Guard, authorities, names
from infra.settings import Settings

STORE = "MLFLOW_BACKEND_STORE_URI"  # as `mlflow server` reads it; the settings' store where it is not set
PORT = "MODERATO_MLFLOW_LISTENS"  # for the processes that uvicorn starts
OPEN = ("/health", "/version")


def app() -> ASGIApp:
    """MLflow's app of the environment, in front of a store whose tables are there."""
    from mlflow.server.fastapi_app import app as served

    settings, port = Settings(), int(os.environ[PORT])
    return Guard(
        FrontPage(served, settings.experiment),
        names=names(settings),
        authorities=authorities(settings, port),
        credentials=settings.credentials,
        open_paths=OPEN,
    )


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    asked, settings = arguments("mlflow"), Settings()
    store = os.environ.get(STORE) or settings.tracking_uri  # on no command line: it may hold a password
    os.environ.update(_environment(settings, store, asked.artifact_root or settings.artifact_uri, asked.port))
    from mlflow.server.handlers import initialize_backend_stores

    if store == settings.tracking_uri:
        make_embedded(settings)
    initialize_backend_stores(store, store, asked.artifact_root or settings.artifact_uri)
    uvicorn.run(
        app() if asked.workers == 1 else "infra.servers.mlflow:app",
        factory=asked.workers > 1,
        workers=asked.workers,
        host=asked.host,
        port=asked.port,
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )


def _environment(settings: Settings, store: str, artifacts: str, port: int) -> dict[str, str]:
    from mlflow.server import constants

    return {
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.REGISTRY_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: artifacts,
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(
            sorted(it for name in names(settings) for it in _patterns(name))
        ),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(
            sorted(
                f"{scheme}://{page}" for page in authorities(settings, port) for scheme in ("http", "https")
            )
        ),
        PORT: str(port),
    }


def _patterns(name: str) -> tuple[str, str]:
    """A host name without and with a port, as MLflow's fnmatch takes them."""
    bracketed = f"[{name}]" if ":" in name else name
    return bracketed, bracketed.replace("[", "[[]") + ":*"


if __name__ == "__main__":
    main()
