"""What training sees in place of a text: reworded, respelled. Drawn from the seed alone."""

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
    return some_respelled(reworded(texts, labels, preset, rng), preset.respell, rng)


def reworded(
    texts: Texts, labels: NDArray[np.float32], preset: Preset, rng: np.random.Generator
) -> list[str | None]:
    """The texts, such shares of them with other groups of people or denied, under the same labels."""
    if not (preset.swap_groups or preset.negate):
        return list(texts)
    rewording = Rewording.shipped()
    harmless = (np.nansum(labels, axis=1) == 0) & ~np.isnan(labels).all(axis=1)
    swap, negate = rng.random((2, len(texts)))

    def changed(row: int, text: str | None) -> str | None:
        if text and swap[row] < preset.swap_groups:
            text = rewording.swapped(text, rng)
        if text and harmless[row] and negate[row] < preset.negate:
            text = rewording.denied(text, rng)
        return text

    return [changed(row, text) for row, text in enumerate(texts)]
