"""A repository of the Hugging Face hub, or of its cache on this machine where the hub is away."""

from __future__ import annotations

from pathlib import Path

from infra.settings import Settings
from infra.weights.source import WeightsSource
from infra.weights.weights import NoWeightsError

PREFIX = "hf-hub:"
WANTED = ("*.json", "*.safetensors", "*.txt", "*.model")  # of a repository; no pickles


def folder(settings: Settings, name: str) -> Path:  # noqa: ARG001 - the hub's cache lies where the hub's library says
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(WANTED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise NoWeightsError(
            f"cannot fetch {PREFIX}{name}: {reason}; fetch it where the hub can be reached, and give its folder"
        ) from None


def cached(name: str) -> Path | None:
    """Where the hub's cache holds a repository already."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json")
    return Path(found).parent if isinstance(found, str) else None


WEIGHTS_SOURCE = WeightsSource(name="hub", prefix=PREFIX, form="hf-hub:owner/name", folder=folder)
