"""What training sees in place of a text, or beside it: reworded, respelled. Drawn from the seed alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.data.respelling import some_respelled
from models.data.rewording import Rewording
from models.domain.preset import Preset

Texts = Sequence[str | None]


def augmented(
    texts: Texts, labels: NDArray[np.float32], preset: Preset, rng: np.random.Generator
) -> list[str | None]:
    """The texts, such shares of them as the preset names changed; labels: [N, P], NaN where nobody judged."""
    return some_respelled(_reworded(texts, labels, preset, rng), preset.respell, rng)


def copies(
    texts: Texts, labels: NDArray[np.float32], preset: Preset, rng: np.random.Generator
) -> tuple[NDArray[np.int64], list[str | None]]:
    """Changed copies of some of the texts, and of which each is: those that are reworded, and others respelled."""
    respelled = np.flatnonzero(rng.random(len(texts)) < preset.respell)
    found = some_respelled([texts[row] for row in respelled], 1.0 if preset.respell else 0.0, rng)
    reworded = _reworded(texts, labels, preset, rng)
    changed = [row for row, (now, before) in enumerate(zip(reworded, texts, strict=True)) if now != before]
    rows = np.concatenate([respelled, np.array(changed, np.int64)])
    return rows, [*found, *(reworded[row] for row in changed)]


def _reworded(
    texts: Texts, labels: NDArray[np.float32], preset: Preset, rng: np.random.Generator
) -> list[str | None]:
    if not (preset.swap_groups or preset.negate):
        return list(texts)
    rewording = Rewording.shipped()
    harmless = (np.nansum(labels, axis=1) == 0) & ~np.isnan(labels).all(axis=1)
    swap, negate = rng.random((2, len(texts)))

    def reworded(row: int, text: str | None) -> str | None:
        if text and swap[row] < preset.swap_groups:
            text = rewording.swapped(text, rng)
        if text and harmless[row] and negate[row] < preset.negate:
            text = rewording.denied(text, rng)
        return text

    return [reworded(row, text) for row, text in enumerate(texts)]
