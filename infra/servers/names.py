"""Under which names a server of the platform is asked: this machine's, and those that the settings tell."""

from __future__ import annotations

from urllib.parse import urlsplit

from infra.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def names(settings: Settings) -> frozenset[str]:
    """Host names that a request may be for: a page that points a name of its own to this machine comes by that name."""
    addresses = (settings.prefect_api_url, settings.mlflow_url, settings.tracking_uri)
    found = [urlsplit(it).netloc for it in addresses if it.startswith(("http://", "https://"))]
    return frozenset(map(hostname, (*LOOPBACK, *found, *_told(settings))))


def authorities(settings: Settings, port: int) -> frozenset[str]:
    """Host and port of the server's own pages, whichever name they were opened by."""
    return frozenset((*(f"{host}:{port}" for host in LOOPBACK), *_told(settings)))


def hostname(authority: str) -> str:
    """`pages.example` of `Pages.Example:8443`; `::1` of `[::1]:80`; empty where there is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _told(settings: Settings) -> list[str]:
    return [it.strip().lower() for it in settings.allowed_hosts.split(",") if it.strip()]
