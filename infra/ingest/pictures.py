"""Image or video files in sub-folders, with labels from the sub-folders' names."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from infra.ingest.chunks import Unit
from infra.ingest.locations import Folder, Found, Place
from infra.ingest.opening import regular
from infra.ingest.reject import BadLineError, Reject, shorten
from infra.ingest.source import Images
from models.data.media_limits import MAX_VIDEO_BYTES

MAPPING = "labels.json"
MAX_MAPPING = 4 << 20  # bytes
PIECE = 32 << 20  # bytes of images a unit


class Picture(NamedTuple):
    found: Found
    data: bytes
    labels: str | None


def read_images(
    place: Place, files: Sequence[Found], form: Images, policies: frozenset[str]
) -> Iterator[Unit]:
    """Each picture is a file of its own, its row 1; raises BadLineError for a mapping that cannot be read."""
    mapping = {**form.folders, **_mapping(place, files)}
    piece: list[Picture] = []
    bad: list[Reject] = []
    for found in files:
        if PurePosixPath(found.key).name == MAPPING:
            continue
        try:
            piece.append(Picture(found, _read(place, found, form), _labels(found, mapping, policies)))
        except BadLineError as error:
            bad.append(Reject(found.name, 1, *error.args))
        if sum(len(picture.data) for picture in piece) > PIECE:
            yield _unit(piece, bad, form)
            piece, bad = [], []
    yield _unit(piece, bad, form)


def _unit(piece: Sequence[Picture], bad: list[Reject], form: Images) -> Unit:
    schema = pa.schema([(form.column, pa.binary()), ("labels", pa.string()), ("problem", pa.string())])
    columns = [
        [picture.data for picture in piece],
        [picture.labels for picture in piece],
        [None] * len(piece),
    ]
    table = pa.table(
        [pa.array(column, item.type) for column, item in zip(columns, schema, strict=True)], schema=schema
    )
    names = [picture.found.name for picture in piece]
    return Unit(
        table, np.ones(len(piece), np.int64), bad, sum(picture.found.size for picture in piece), names
    )


def _mapping(place: Place, files: Sequence[Found]) -> dict[str, dict[str, object]]:
    mapping: dict[str, dict[str, object]] = {}
    for found in files:
        if PurePosixPath(found.key).name == MAPPING:
            with place.local(found) as path:
                mapping |= _read_mapping(path)
    return mapping


def _read_mapping(path: Path) -> dict[str, dict[str, object]]:
    with regular(path) as stream:
        data = stream.read(MAX_MAPPING + 1)
    try:
        value = json.loads(data.removeprefix(codecs.BOM_UTF8)) if len(data) <= MAX_MAPPING else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadLineError(
            "malformed_mapping",
            f'{MAPPING} is {{"folder": {{"policy": true}}}} in UTF-8, at most {MAX_MAPPING} bytes',
        )
    return value


def _read(place: Place, found: Found, form: Images) -> bytes:
    if not found.key.lower().endswith(form.suffixes):
        raise BadLineError("unsupported_file", f"files end in {', '.join(form.suffixes)}")
    if isinstance(place, Folder):
        return place.read(place.root, found.key)
    with place.local(found) as path, regular(path) as stream:
        return stream.read(MAX_VIDEO_BYTES + 1)


def _labels(found: Found, mapping: Mapping[str, object], policies: frozenset[str]) -> str | None:
    folder = PurePosixPath(found.key).parent.name
    policy = folder.removeprefix("no_")
    if folder in mapping:
        return json.dumps(mapping[folder])
    if policy in policies:
        return json.dumps({policy: policy == folder})
    if not folder:
        return None
    raise BadLineError("unknown_policy", shorten(f"sub-folder {folder}, which {MAPPING} does not map"))
