"""What the n-gram half alone learns of a snapshot: it is found in closed form, in seconds, and every word tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.data.snapshot import SnapshotRows
from models.data.tokenizer import encode, padded
from models.data.words import unmasked
from models.layers.ngrams import HashedNgrams
from models.training.preparation import prepare
from models.training.presets import preset_named


def ngram_scores(rows: SnapshotRows, folder: Path, texts: Sequence[str], **changes: Any) -> np.ndarray:
    """Logits [N, P] of texts by the n-grams that `compact` with such changes has learned."""
    folder.mkdir()
    preset = preset_named("compact", modalities=("text",), **{"ngram_bits": 12, "respell": 0.0} | changes)
    made = prepare(rows, preset, folder)
    ngrams = HashedNgrams(made.tokenizer.get_vocab_size(), len(rows.policies), preset.ngram_bits)
    ngrams.load_state_dict(
        {name.removeprefix("ngrams."): it for name, it in made.statistics.items() if name != "bias"}
    )
    ids, mask = map(torch.from_numpy, padded(encode(made.tokenizer, unmasked(texts, made.words))))
    return ngrams(ids, mask).numpy()
