"""Posts in the space that a backbone's texts and pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.data.pixels import pixels
from models.data.tokenizer import encode, load_tokenizer, padded
from models.domain.errors import UserError
from models.network.backbone import Backbone
from models.network.backbone_folder import TOKENIZER

Floats = NDArray[np.float32]
BATCH_POSTS = 64  # posts


class NotAlignedError(UserError):
    """A backbone whose texts and pictures never learned to share a space."""


@dataclass(frozen=True)
class Embedded:
    """N posts: unit vectors [N, 2, E] of text and picture, zeros for what a post lacks."""

    vectors: Floats

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which of text and picture each post has, [N, 2]."""
        return np.asarray(self.vectors.any(axis=-1))

    def mean(self, found: Floats) -> Floats:
        """The mean over what each post has of [N, 2, ...]; zeros for one that has nothing."""
        there = self.there.reshape(*self.there.shape, *[1] * (found.ndim - 2))
        return np.asarray((found * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1), np.float32)


@dataclass(frozen=True)
class Embedder:
    """A backbone with its tokeniser."""

    backbone: Backbone
    tokenizer: Tokenizer

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises NotABackboneError, and NotAlignedError where texts and pictures share no space."""
        backbone = Backbone.load(folder)
        if backbone.about is None or not backbone.about.aligned:
            raise NotAlignedError(
                f"the backbone in {folder} did not learn to compare texts with pictures; pre-train one with "
                "`moderato pretrain --objectives contrastive`"
            )
        tokenizer = load_tokenizer(folder / TOKENIZER, backbone.preset.max_tokens)
        return cls(backbone, tokenizer)

    @property
    def scale(self) -> float:
        """What the backbone multiplies cosines by before a softmax over them."""
        return float(self.backbone.scale.detach())

    def posts(self, texts: Sequence[str | None], images: Sequence[bytes | None]) -> Embedded:
        """N posts; a picture that cannot be read counts as missing."""
        vectors = np.zeros((len(texts), 2, self.backbone.embedding_width), np.float32)
        for first in range(0, len(texts), BATCH_POSTS):
            here = slice(first, first + BATCH_POSTS)
            written = first + np.flatnonzero([bool(text) for text in texts[here]])
            vectors[written, 0] = self.texts([text for text in texts[here] if text])
            seen = [pixels(image, self.backbone.preset.image_size) for image in images[here]]
            shown = first + np.flatnonzero([image is not None for image in seen])
            if len(shown):
                vectors[shown, 1] = self._pictures(np.stack([image for image in seen if image is not None]))
        return Embedded(vectors)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Floats:
        """[N, E] of unit length."""
        if not len(texts):
            return np.zeros((0, self.backbone.embedding_width), np.float32)
        ids, mask = padded(encode(self.tokenizer, texts))
        found = self.backbone.text_embedding(torch.from_numpy(ids), torch.from_numpy(mask))
        return np.asarray(found.float().numpy())

    @torch.inference_mode()
    def _pictures(self, seen: Floats) -> Floats:
        return np.asarray(self.backbone.image_embedding(torch.from_numpy(seen)).float().numpy())
