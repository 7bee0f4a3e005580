"""Scores of the training split by models that had not learned from it, where other posts are too few for a proof.

The training split is dealt out in folds, near-duplicates together. For each fold a model like the one that is served
learns from the others and scores it: the way in which Platt (1999) fits his sigmoid. A threshold on these scores is
proven for models that learned from (folds - 1) / folds of the posts; the one that is served learned from all of them,
and that its scores are spread like theirs is an assumption, which the test split, left out of all this, is held
against (models.evaluation.held_out, and the gate on calibration).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray

from models.bundle.assembly import JUDGED
from models.data.snapshot import SnapshotRows, headed, header
from models.distributed.job import Job
from models.domain.policy import PolicySet
from models.domain.preset import Preset
from models.domain.schemas import SPLITS
from models.evaluation.cross_fit import dealt
from models.evaluation.predictions import score_splits
from models.evaluation.sufficiency import Tally
from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.reading import kept_of

MAX_POSTS = 3_000  # posts of a snapshot: of more, a training takes longer, and the other splits prove more
BATCH_ROWS = 256  # copied at once
SCORES, SNAPSHOT = "scores.npz", "snapshot.lance"


def is_worth_it(policy_set: PolicySet, preset: Preset, tally: Tally) -> bool:
    """Whether the training split would prove an action that all other posts together are too few for."""
    small = preset.folds > 1 and sum(tally.posts.values()) <= MAX_POSTS
    return small and tally.proves_more(policy_set, [*JUDGED, "train"], than=[*JUDGED, "test"])


def score_out_of_fold(job: Job, callbacks: Sequence[Callback] = ()) -> list[Path]:
    """Train a model like the job's for each fold of its snapshot, and leave its scores; their files, one a fold.

    Run again after a kill, it goes on where it was.
    """
    rows, folds = SnapshotRows.open(job.snapshot_uri, job.storage_options), job.preset.folds
    positions = rows.positions("train")
    fold = dealt(rows.take(positions, "cluster")["cluster"].to_numpy(), folds)
    kept, found = kept_of(job), []
    for k in range(folds):
        place = job.folder / f"fold-{k}"
        if not (place / SCORES).exists() and (fold == k).any() and (fold != k).any():
            part = str(place / SNAPSHOT)
            _write(rows, part, positions[fold != k], positions[fold == k], f"{rows.id}-fold-{k}-of-{folds}")
            own = {"snapshot_uri": part, "storage_options": {}, "folder": place / "training"}
            trained = fit(job.model_copy(update=own), callbacks=callbacks)
            scorer = Scorer.load(trained.model, threads=job.threads, kept=kept)
            scored = score_splits(scorer, part, ["test"])
            scored.keep(place / SCORES)
            for done in (place / "training", Path(part)):
                shutil.rmtree(done, ignore_errors=True)
        if (place / SCORES).exists():
            found.append(place / SCORES)
    return found


def _write(
    rows: SnapshotRows, uri: str, learned: NDArray[np.int64], held: NDArray[np.int64], identity: str
) -> None:
    """A snapshot that is trained on some posts of another, validated on its validation split, and tested on others."""
    validated = rows.positions("validation")
    parts = {"train": learned, "validation": validated, "test": held}
    counts = {split: len(parts.get(split, ())) for split in SPLITS}
    told = headed(header(rows.dataset) | {"id": identity, "counts": counts}).metadata
    schema = rows.dataset.schema.with_metadata(told)

    def batches() -> Iterator[pa.RecordBatch]:
        for split, places in parts.items():
            for start in range(0, len(places), BATCH_ROWS):
                table = rows.take(places[start : start + BATCH_ROWS], *schema.names)
                column = pa.array([split] * len(table), pa.string())
                moved = table.set_column(schema.get_field_index("split"), schema.field("split"), column)
                yield from moved.cast(schema).to_batches()

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    shutil.rmtree(uri, ignore_errors=True)  # what a kill left
    lance.write_dataset(reader, uri, mode="create")
