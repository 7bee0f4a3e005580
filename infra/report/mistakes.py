"""The worst mistakes with what the posts say: for the card, and as a table that MLflow shows."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image

from models.data.pictures import BrokenPictureError, looked
from models.data.snapshot import SnapshotRows
from models.evaluation.mistakes import Mistake

TEXT = 400  # characters of a post
SIDE, QUALITY = 112, 55  # pixels and JPEG quality of a thumbnail: about three kilobytes
COLUMNS = ("post_id", "market", "language", "text", "image")
COLUMN_NAMES = (
    "mistake",
    "policy",
    "severity",
    "score",
    "judged",
    "cost",
    "market",
    "language",
    "text",
    "post_id",
)


@dataclass(frozen=True)
class Seen:
    """A mistake beside its post; `picture` is a small JPEG, None where the post has none that can be opened."""

    mistake: Mistake
    post_id: str
    market: str
    language: str
    text: str
    picture: bytes | None = None

    @property
    def source(self) -> str:
        """The picture's address within a page."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.picture or b'').decode()}"


def seen(
    mistakes: Sequence[Mistake], uri: str, storage_options: dict[str, str] | None = None
) -> tuple[Seen, ...]:
    """The posts of these mistakes on the test split of the snapshot at `uri`, in their order."""
    if not mistakes:
        return ()
    rows = SnapshotRows.open(uri, storage_options)
    places = rows.positions("test")[[mistake.row for mistake in mistakes]]
    posts = rows.take(places, *COLUMNS).to_pylist()
    return tuple(
        Seen(
            mistake=mistake,
            **{name: post[name] for name in ("post_id", "market", "language")},
            text=_beginning(post["text"] or ""),
            picture=_thumbnail(post["image"]) if post["image"] else None,
        )
        for mistake, post in zip(mistakes, posts, strict=True)
    )


def table(mistakes: Sequence[Seen]) -> str:
    """JSON as MLflow's own tables are kept: columns, and rows of data."""
    rows = [
        (
            it.mistake.kind,
            it.mistake.policy,
            it.mistake.severity,
            round(it.mistake.score, 4),
            round(it.mistake.violates, 2),
            round(it.mistake.cost, 2),
            it.market,
            it.language,
            it.text,
            it.post_id,
        )
        for it in mistakes
    ]
    return json.dumps({"columns": COLUMN_NAMES, "data": rows})


def _beginning(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[:TEXT].rstrip()} …"


def _thumbnail(image: bytes) -> bytes | None:
    """Of the first frame; None for what no decoder opens."""
    with suppress(BrokenPictureError):
        return looked(image, SIDE, _small).made[0]
    return None


def _small(shown: Image.Image) -> bytes:
    shown = shown.convert("RGB")
    shown.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
