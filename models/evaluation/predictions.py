"""Posts of a snapshot with what a model said about them: everything that evaluation needs, and no content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
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
        arrays: dict[str, Any] = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
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
    watches = "video" in scorer.modalities
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


def kept(path: Path) -> Scored:
    """What `Scored.keep` left."""
    with np.load(path, allow_pickle=False) as found:
        arrays = {field.name: found[field.name] for field in fields(Scored)}
    return Scored(**arrays | {"policies": tuple(arrays["policies"].tolist())})


def joined(parts: Sequence[Scored]) -> Scored:
    """All posts of the parts, which know the same policies."""
    return Scored(
        parts[0].policies, *(np.concatenate(arrays) for arrays in zip(*map(_arrays, parts), strict=True))
    )


def _arrays(part: Scored) -> list[NDArray[Any]]:
    return [getattr(part, field.name) for field in fields(part)[1:]]


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
