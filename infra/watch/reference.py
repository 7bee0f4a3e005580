"""What the champion learned from: posts of its snapshot that it was not trained on, as it scores them."""

from __future__ import annotations

import lance
import numpy as np
import pyarrow as pa

from infra.watch.view import View, joined
from models.bundle.bundle import Bundle
from models.data.snapshot import header

COLUMNS = ["post_id", "author_id", "market", "language", "text", "image", "labels"]
HELD_OUT = "split IN ('calibration', 'test')"
BATCH_POSTS, BATCH_VIDEOS = 256, 32  # posts; bounds the images, and the videos, held at once


def reference_view(bundle: Bundle, uri: str, storage_options: dict[str, str]) -> View:
    """Score and decide the snapshot's calibration and test posts with the champion's bundle."""
    dataset = lance.dataset(uri, storage_options=storage_options or None)
    judged = header(dataset)["policies"]
    watches = bundle.scorer.looks_at("video")
    columns, size = ([*COLUMNS, "video"], BATCH_VIDEOS) if watches else (COLUMNS, BATCH_POSTS)
    parts = [
        _seen(bundle, judged, batch)
        for batch in dataset.to_batches(columns=columns, filter=HELD_OUT, batch_size=size)
        if len(batch)
    ]
    return joined(bundle.assessed, parts)


def _seen(bundle: Bundle, judged: list[str], batch: pa.RecordBatch) -> View:
    rows = {name: batch[name].to_pylist() for name in batch.schema.names}
    scores = bundle.score(rows["text"], rows["image"], rows.get("video", ()))
    _, reasons = bundle.decide(scores, rows["market"])
    labels = np.full((len(batch), len(judged) + 1), np.nan)  # the last column: policies that were not judged
    labels[:, :-1] = np.array(rows["labels"], float).reshape(-1, len(judged))
    columns = [judged.index(policy) if policy in judged else -1 for policy in bundle.assessed]
    scored = [bundle.policies.index(policy) for policy in bundle.assessed]
    asked = [{reason.policy for reason in found} for found in reasons]
    return View(
        bundle.assessed,
        author=np.array(
            [author or post for author, post in zip(rows["author_id"], rows["post_id"], strict=True)]
        ),
        market=np.array(rows["market"], str),
        language=np.array(rows["language"], str),
        length=np.array([len(text or "") for text in rows["text"]], float),
        image=np.array([image is not None for image in rows["image"]], bool),
        scores=scores[:, scored],
        acted=np.array([[policy in found for policy in bundle.assessed] for found in asked], bool),
        votes=labels[:, columns],
    )
