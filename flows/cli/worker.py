"""`moderato worker`: the process that runs what the Prefect server has scheduled."""

from __future__ import annotations


def worker() -> None:
    """Run what the server at MODERATO_PREFECT_API_URL has scheduled, on this machine, until Ctrl-C.

    `moderato up` has one of its own.
    """
    from infra.environment import adopt
    from infra.settings import Settings, SettingsError

    settings = Settings()
    if not settings.prefect_api_url:
        raise SettingsError(
            "a worker needs a Prefect server: set MODERATO_PREFECT_API_URL, or run `moderato up`, which starts both"
        )
    adopt(settings)  # before Prefect is imported: it reads its environment then

    from flows.deployments import serve

    serve(settings)
