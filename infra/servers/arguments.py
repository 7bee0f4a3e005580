"""The words behind `python -m infra.servers.NAME`."""

from __future__ import annotations

import argparse

GRACE = 10  # seconds that open pages have to hang up when the server stops


def arguments(name: str) -> argparse.Namespace:
    """host, port and, of MLflow, workers and artifact_root."""
    parser = argparse.ArgumentParser(prog=f"python -m infra.servers.{name}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    if name == "mlflow":
        parser.add_argument("--workers", type=int, default=1)
        parser.add_argument("--artifact-root", default="", help="the setting's when not given")
    return parser.parse_args()
