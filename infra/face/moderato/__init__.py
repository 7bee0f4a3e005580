"""Moderato from Python, in a notebook or an app.

    client = moderato.Client(key="mod_...")     # the gateway's decisions
    client.decide("a caption").action
    moderato.load("champion").predict(texts)    # a registered model, or a bundle's folder, without a gateway
    moderato.lake().posts.open().to_table()     # the lake's tables

The build gives this folder the name (`where` in pyproject.toml); the rooms of `infra` do the work.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

OURS = {
    "models": "policies/__init__.py",
    "infra": "settings.py",
}  # packages that this one needs, and a file of each


def _require_ours() -> None:
    """Raises ImportError where a folder or file of the same name stands before one of ours on the path."""
    for name, file in OURS.items():
        spec = find_spec(name)
        places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
        if not any((place / file).is_file() for place in places):
            found = (spec and spec.origin) or next(map(str, places), "nothing")
            raise ImportError(
                f"moderato needs its own package {name!r}, and {found} stands in its place: rename that one, work in "
                "another folder, or start Python with -P (PYTHONSAFEPATH=1), which leaves that folder off the path"
            )


_require_ours()

from infra.client import Client, GatewayError, Moderation, NoKeyError  # noqa: E402 - known to be ours now
from models.domain.errors import UserError  # noqa: E402

if TYPE_CHECKING:
    from infra.lake import Lake
    from infra.registry.loaded import Loaded
    from infra.settings import Settings

__all__ = ["Client", "GatewayError", "Moderation", "NoKeyError", "UserError", "lake", "load"]


def load(model: str | Path = "champion", settings: Settings | None = None) -> Loaded:
    """A model to score with: champion, challenger, a version's number, or the folder of a bundle.

    settings: those of the environment where none are given. Raises UserError, which says what there is.
    """
    from infra.registry.loaded import load as loaded

    return loaded(settings or _settings(), model)


def lake(settings: Settings | None = None) -> Lake:
    """The lake's tables: posts, judgements, decisions, acts, findings; each opens as a Lance dataset."""
    from infra.lake import open_lake

    return open_lake(settings or _settings())


def _settings() -> Settings:
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    return settings
