"""Embeddings of posts by weights that stay as they are, kept in the lake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from infra.settings import Settings
from infra.weights.fetch import fetch
from infra.weights.installed import canonical
from infra.weights.packages import WEIGHTS_PACKAGES
from infra.weights.ready import family_of
from infra.weights.sources import package
from infra.weights.weights import NoWeightsError
from models.domain.nearest import choose

if TYPE_CHECKING:
    from models.data.embeddings import Embeddings, Item, Singles
    from models.network.frozen import Column, FrozenEncoder

TABLES = "embeddings"  # the folder of the lake that they lie in


def kept_embeddings(settings: Settings) -> Embeddings:
    """Where the lake keeps them."""
    from models.data.embeddings import Embeddings

    uri = f"{settings.lake.rstrip('/')}/{TABLES}"
    return Embeddings(uri, settings.options_for(uri))


def frozen_encoder(
    settings: Settings, address: str, column: Column | None = None, family: str = ""
) -> FrozenEncoder:
    """The encoder of the weights at an address, for texts or pictures: what its family looks at first when not given.

    family: where neither a package's entry nor the folder tells. Raises NoWeightsError, UnfitWeightsError,
    NotFrozenError.
    """
    from models.encoders import ENCODERS  # which loads torch
    from models.network.frozen import FrozenEncoder

    weights = fetch(settings, address)
    if weights is None:
        raise NoWeightsError(f"no weights are named; choose {choose('', known(settings), words='one of:')}")
    told, fields = _told(address)
    chosen = family or told or family_of(weights.folder)
    if not chosen:
        raise NoWeightsError(
            f"{address} does not say which family loads it; {choose('', ENCODERS.names(), words='name one of:')}"
        )
    seen: Column = column or ("text" if "text" in ENCODERS[chosen].modalities else "image")
    return FrozenEncoder.load(weights.folder, weights.digest, chosen, seen, fields)


def embeddings_of(
    settings: Settings, items: Sequence[Item], address: str, column: Column | None = None
) -> Singles:
    """[N, D] of texts or pictures by the weights at an address; computed once each, zeros for what is missing."""
    return kept_embeddings(settings).of(items, frozen_encoder(settings, address, column))


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
