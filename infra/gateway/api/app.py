"""The ASGI app, the same under uvicorn and on a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import Lifespan

from infra.gateway import errors
from infra.gateway.api import decisions, health, moderations, openapi
from infra.gateway.api.gateway import Gateway
from infra.gateway.api.route import Shortcut
from infra.gateway.api.telemetry import Observed
from infra.settings import Settings
from infra.ties import end_with_parent


def create_app(settings: Settings) -> FastAPI:
    """An app with a gateway of its own, which starts and stops with it."""
    gateway = Gateway(settings)
    app = FastAPI(
        title="Moderato",
        summary="Decisions about posts: OpenAI's moderation API, and the platform's own.",
        version=version("moderato"),
        lifespan=_lifespan(gateway),
        openapi_url=None,
    )
    app.state.gateway = gateway
    app.add_middleware(Shortcut, routes=[*moderations.router.routes, *decisions.router.routes])
    app.add_middleware(Observed, metrics=gateway.metrics)
    errors.install(app)
    openapi.describe(app)
    for router in (moderations.router, decisions.router, health.models):
        app.include_router(router, responses=openapi.ERRORS)
    for router in (health.health, openapi.pages, openapi.router):
        app.include_router(router)
    return app


def from_environment() -> FastAPI:
    """The app of the settings in the environment, for the processes that a server starts; they end with it."""
    end_with_parent()
    return create_app(Settings())


def _lifespan(gateway: Gateway) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await gateway.start()
        yield
        await gateway.stop()

    return lifespan
