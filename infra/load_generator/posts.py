"""Where replayed posts come from: the lake, oldest first, or a week of the simulator without end."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import lance
import pyarrow as pa

from infra.lake import Lake
from infra.simulator import week_of_posts
from models.domain.content import Post
from models.domain.errors import UserError
from models.domain.nearest import choose

Posts = Iterator[dict[str, Any]]

FIELDS = [name for name in Post.model_fields if name != "video"]
READ_AT_ONCE = 256


class UnknownTrafficError(UserError):
    """A source of posts that does not exist, or has none."""


def posts_of(source: str, lake: Lake, seed: int, week: int) -> Posts:
    """Posts as the gateway takes them. Raises UnknownTrafficError, which lists the choices."""
    if source not in SOURCES:
        raise UnknownTrafficError(f"no traffic from {source!r}; {choose(source, SOURCES)}")
    return SOURCES[source](lake, seed, week)


def _from_lake(lake: Lake, seed: int, week: int) -> Posts:  # noqa: ARG001 - those of the simulator
    if lake.posts.is_empty():
        raise UnknownTrafficError(
            "the lake holds no posts: moderato ingest SOURCE PATH, or replay --from simulator"
        )
    return _sent(_oldest_first(lake.posts.open()))


def _oldest_first(table: lance.LanceDataset) -> Iterator[pa.RecordBatch]:
    times = table.to_table(columns=["created_at"])
    places = times.append_column("place", pa.array(range(len(times))))
    order = places.sort_by([("created_at", "ascending"), ("place", "ascending")])["place"].combine_chunks()
    for first in range(0, len(order), READ_AT_ONCE):
        yield from table.take(order[first : first + READ_AT_ONCE], columns=FIELDS).to_batches()


def _from_simulator(lake: Lake, seed: int, week: int) -> Posts:  # noqa: ARG001 - it needs none
    return _sent(week_of_posts(seed, week))


def _sent(batches: Iterator[pa.RecordBatch]) -> Posts:
    for batch in batches:
        for row in batch.select(FIELDS).to_pylist():
            yield {name: _plain(value) for name, value in row.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


SOURCES: dict[str, Callable[[Lake, int, int], Posts]] = {"lake": _from_lake, "simulator": _from_simulator}
