"""Posts of a snapshot with what a model said about them: everything that evaluation needs, and no content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.data.snapshot import header
from models.inference.scorer import Scorer
from models.process.atomic_write import whole_file

Floats = NDArray[np.floating]
Names = NDArray[np.str_]

COLUMNS = ["post_id", "text", "image", "market", "language", "cluster", "labels"]
CONTENT = ("text", "image", "video")  # columns
BATCH, FEW = 256, 32  # posts; bounds the images and the videos held at once
DIMENSIONS = ("market", "language", "modality")


@dataclass(frozen=True)
class Scored:
    """N posts. logits, labels: [N, P], labels NaN for unknown; the rest [N]."""

    policies: tuple[str, ...]
    post_id: Names
    market: Names
    language: Names
    modality: Names  # text, image, both, or video
    cluster: NDArray[np.integer]
    labels: Floats
    logits: Floats

    def __len__(self) -> int:
        return len(self.post_id)

    def keep(self, path: Path) -> None:
        """Leave it in a file, which appears whole or not at all; `kept` reads it."""
        arrays: dict[str, Any] = {it.name: np.asarray(getattr(self, it.name)) for it in fields(self)}
        with whole_file(path) as aside, aside.open("wb") as file:
            np.savez(file, **arrays)

    def where(self, mask: NDArray[np.bool_]) -> Self:
        return type(self)(self.policies, *(array[mask] for array in _arrays(self)))

    def groups(self) -> list[tuple[str, str, NDArray[np.bool_]]]:
        """Every slice: dimension, name and mask [N]."""
        return [
            (dimension, str(name), getattr(self, dimension) == name)
            for dimension in DIMENSIONS
            for name in np.unique(getattr(self, dimension))
        ]


def score_splits(
    scorer: Scorer, uri: str, splits: Sequence[str], storage_options: dict[str, str] | None = None
) -> Scored:
    """Score the posts of these splits of a snapshot, batch by batch."""
    wanted = ", ".join(f"'{split}'" for split in splits)
    dataset = lance.dataset(uri, storage_options=storage_options or None)
    watches = scorer.looks_at("video")
    columns = {name: name for name in COLUMNS} | {"has_video": "video IS NOT NULL"}
    if watches:
        columns["video"] = "video"
    batches = dataset.to_batches(
        columns=columns, filter=f"split IN ({wanted})", batch_size=FEW if watches else BATCH
    )
    judged = header(dataset)["policies"]
    parts = [_score(scorer, judged, batch) for batch in batches if len(batch)]
    if not parts:
        empty = dataset.schema.empty_table().select(COLUMNS)
        return _score(scorer, judged, empty.append_column("has_video", pa.array([], pa.bool_())))
    return joined(parts)


@dataclass(frozen=True)
class LakePosts:
    """Posts of the lake by the ids of their rows, in one version of its table."""

    uri: str
    version: int
    rows: tuple[int, ...]
    storage_options: dict[str, str] = field(default_factory=dict, repr=False)

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
        """The rows that are there, so many at once."""
        table = lance.dataset(self.uri, version=self.version, storage_options=self.storage_options or None)
        for start in range(0, len(self.rows), size):
            # By row id: `take` counts places, which is slow where the table has deleted rows.
            chosen = pa.array(self.rows[start : start + size], pa.uint64())
            yield table._take_rows(chosen, columns=list(columns))  # noqa: SLF001


def score_posts(scorer: Scorer, posts: LakePosts) -> Scored:
    """Score posts that nobody judged; of those with the same text, image and video the first, as a snapshot has it."""
    watches = scorer.looks_at("video")
    columns = ["post_id", "market", "language", *CONTENT]
    parts: list[Scored] = []
    met: set[bytes] = set()
    for batch in posts.batches(columns, FEW if watches else BATCH):
        first = {key: row for row, key in reversed(list(enumerate(_content_keys(batch)))) if key not in met}
        met |= first.keys()
        made = _as_snapshot(batch.take(pa.array(sorted(first.values()), pa.int64())), len(scorer.policies))
        parts.append(_score(scorer, scorer.policies, made if watches else made.drop_columns(["video"])))
    return joined(parts)


def _as_snapshot(posts: pa.Table, policies: int) -> pa.Table:
    """With the columns that a snapshot has beside those of a post: each is a cluster of its own that nobody judged."""
    unknown = pa.FixedSizeListArray.from_arrays(
        pa.array(np.full(len(posts) * policies, np.nan, np.float32)), policies
    )
    added = {
        "cluster": pa.array(np.arange(len(posts))),
        "labels": unknown,
        "has_video": posts["video"].is_valid(),
    }
    for name, column in added.items():
        posts = posts.append_column(name, column)
    return posts


def _content_keys(batch: pa.Table) -> Iterator[bytes]:
    for parts in zip(*(batch[name].to_pylist() for name in CONTENT), strict=True):
        digests = [sha256(part.encode() if isinstance(part, str) else part or b"").digest() for part in parts]
        yield sha256(b"".join(digests)).digest()


def kept(path: Path) -> Scored:
    """What `Scored.keep` left."""
    with np.load(path, allow_pickle=False) as found:
        arrays = {it.name: found[it.name] for it in fields(Scored)}
    return Scored(**arrays | {"policies": tuple(arrays["policies"].tolist())})


def joined(parts: Sequence[Scored]) -> Scored:
    """All posts of the parts, which know the same policies."""
    return Scored(
        parts[0].policies, *(np.concatenate(arrays) for arrays in zip(*map(_arrays, parts), strict=True))
    )


def _arrays(part: Scored) -> list[NDArray[Any]]:
    return [getattr(part, it.name) for it in fields(part)[1:]]


def _score(scorer: Scorer, judged: Sequence[str], batch: pa.RecordBatch | pa.Table) -> Scored:
    texts, images, has_video = (batch[name].to_pylist() for name in ("text", "image", "has_video"))
    videos = batch["video"].to_pylist() if "video" in batch.schema.names else []
    labels = np.array(batch["labels"].to_pylist(), np.float32).reshape(-1, len(judged))
    labels = np.concatenate(
        [labels, np.full((len(labels), 1), np.nan, np.float32)], axis=1
    )  # for policies not judged
    columns = [judged.index(policy) if policy in judged else len(judged) for policy in scorer.policies]
    empty = np.empty((0, len(scorer.policies)), np.float32)
    return Scored(
        policies=scorer.policies,
        **{name: np.array(batch[name].to_pylist(), str) for name in ("post_id", "market", "language")},
        modality=np.array(
            [_modality(*content) for content in zip(texts, images, has_video, strict=True)], str
        ),
        cluster=np.array(batch["cluster"].to_pylist(), np.int64),
        labels=labels[:, columns],
        logits=scorer.logits(texts, images, videos) if texts else empty,
    )


def _modality(text: str | None, image: bytes | None, has_video: bool) -> str:
    if has_video:
        return "video"
    if image:
        return "both" if text else "image"
    return "text" if text else "other"


def learned_posts(uri: str, storage_options: dict[str, str] | None = None) -> Names | None:
    """The posts of a snapshot's training split; None where the snapshot is gone."""
    try:
        dataset = lance.dataset(uri, storage_options=storage_options or None)
    except (ValueError, FileNotFoundError):
        return None
    return np.array(
        dataset.to_table(columns=["post_id"], filter="split = 'train'")["post_id"].to_pylist(), str
    )
