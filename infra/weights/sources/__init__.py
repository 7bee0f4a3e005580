"""Where weights may lie, one kind of address a file: a file here that announces WEIGHTS_SOURCE is read."""

from __future__ import annotations

from infra.weights.source import WeightsSource
from models.domain.catalogue import Catalogue

WEIGHTS_SOURCES = Catalogue(__name__, "WEIGHTS_SOURCE", WeightsSource)


def source_of(address: str) -> WeightsSource:
    """That whose prefix the address has; the longest where several fit."""
    fitting = (source for source in WEIGHTS_SOURCES if address.startswith(source.prefix))
    return max(fitting, key=lambda source: len(source.prefix))


def forms() -> str:
    """Every kind of address, for messages: a folder, s3://bucket/prefix or ..."""
    *rest, last = (
        source.form for source in sorted(WEIGHTS_SOURCES, key=lambda it: (bool(it.prefix), it.form))
    )
    return f"{', '.join(rest)} or {last}"
