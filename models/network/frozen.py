"""Frozen encoders: a text or a picture as one vector, by a family's network as its weights have it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.data.loader import DECODERS
from models.data.pixels import picture, scaled
from models.data.tokenizer import padded, windows
from models.domain.errors import UserError
from models.domain.preset import Preset
from models.encoders import ENCODERS
from models.encoders.base.encoder import Blueprint, Encoder, Tokens, Tower
from models.network.network import weights_of

WAY = 1  # how a vector is made of tokens; another number where that changes
WINDOWS = 16  # on a text at most
BATCH_WINDOWS, BATCH_PICTURES = 64, 16
TEXT_TOKENS, PICTURE_SIZE = 128, 224  # where neither the weights nor their family say others

Column = Literal["text", "image"]
Singles = NDArray[np.float32]


class NotFrozenError(UserError):
    """A family that cannot be asked for a vector of a text, or of a picture, by its weights alone."""


@dataclass(frozen=True)
class FrozenEncoder:
    """models.data.embeddings.Encodes, of one family's weights.

    A text is read in windows, and its vector is the mean of their tokens, of unit length; that of a picture is the mean
    over its places. Where a family has a space that texts and pictures share, a vector is one of that.
    """

    family: str
    column: Column
    digest: str
    tower: Tower = field(repr=False)
    tokenizer: Tokenizer | None = field(repr=False)
    size: int  # pixels of a picture's side

    @classmethod
    def load(
        cls, folder: Path, digest: str, family: str, column: Column, fields: dict[str, Any] | None = None
    ) -> Self:
        """digest: of the weights; fields: of a preset that fits them. Raises UnfitWeightsError, NotFrozenError."""
        encoder = ENCODERS[family]
        if column not in encoder.modalities:
            raise NotFrozenError(
                f"{family} looks at {' and '.join(encoder.modalities)}, not at a post's {column}"
            )
        own = weights_of(folder, family) or folder
        preset = _preset(encoder, column, fields or {})
        tokenizer = _tokenizer(encoder, own, preset.max_tokens) if column == "text" else None
        pieces = torch.zeros(tokenizer.get_vocab_size() if tokenizer else 1, 1, dtype=torch.int64)
        tower = encoder.build(Blueprint(preset=preset, pieces=pieces, modalities=(column,), weights=own))
        told = f"{digest}\0{family}\0{column}\0{preset.max_tokens}\0{preset.image_size}\0{WAY}"
        return cls(
            family=family,
            column=column,
            digest=hashlib.sha256(told.encode()).hexdigest(),
            tower=tower.eval().requires_grad_(requires_grad=False),
            tokenizer=tokenizer,
            size=preset.image_size,
        )

    @property
    def width(self) -> int:
        shared = self.tower.embedding_width
        return shared or (self.tower.text_width if self.column == "text" else self.tower.image_width)

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.tower.parameters())

    @torch.inference_mode()
    def __call__(self, items: Sequence[str | bytes], /) -> Singles:
        """[N, width]; zeros for a text without tokens and a picture that cannot be opened."""
        if self.column == "text":
            return self._texts([str(item) for item in items])
        return self._pictures([item for item in items if isinstance(item, bytes)])

    def _texts(self, texts: Sequence[str]) -> Singles:
        assert self.tokenizer is not None
        found = windows(self.tokenizer, self.tokenizer, texts, WINDOWS)
        sums, counts = np.zeros((len(texts), self.width), np.float32), np.zeros(len(texts), np.float32)
        order = sorted((row for row, ids in enumerate(found.ids) if ids), key=lambda row: len(found.ids[row]))
        for first in range(0, len(order), BATCH_WINDOWS):
            rows = order[first : first + BATCH_WINDOWS]
            ids, mask = map(torch.from_numpy, padded([found.ids[row] for row in rows]))
            vectors = _pooled(self.tower.read(ids, mask, None))
            lengths = mask.sum(dim=1).numpy().astype(np.float32)
            np.add.at(sums, found.owner[rows], vectors * lengths[:, None])
            np.add.at(counts, found.owner[rows], lengths)
        means = sums / np.maximum(counts, 1)[:, None]
        return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12), np.float32)

    def _pictures(self, images: Sequence[bytes]) -> Singles:
        found = np.zeros((len(images), self.width), np.float32)
        with ThreadPoolExecutor(DECODERS) as decoders:
            for first in range(0, len(images), BATCH_PICTURES):
                opened = decoders.map(
                    partial(picture, size=self.size), images[first : first + BATCH_PICTURES]
                )
                seen = [(first + row, image) for row, image in enumerate(opened) if image is not None]
                if seen:
                    pixels = torch.from_numpy(scaled(np.stack([image for _, image in seen])))
                    found[[row for row, _ in seen]] = _pooled(self.tower.see(pixels))
        return found


def _pooled(tokens: Tokens) -> Singles:
    """[N, L, D] to [N, D], or what the family itself makes one vector of."""
    if tokens.embedding is not None:
        return np.asarray(tokens.embedding.float().numpy())
    mask = tokens.mask.unsqueeze(-1).to(tokens.hidden.dtype)
    found = (tokens.hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    return np.asarray(found.float().numpy())


def _preset(encoder: Encoder, column: Column, fields: dict[str, Any]) -> Preset:
    known = {"max_tokens": TEXT_TOKENS, "image_size": PICTURE_SIZE}
    usual = encoder.usual.fields if encoder.usual else {}
    return encoder.preset().replace(
        **{**known, **usual, **fields, "modalities": (column,), f"{column}_encoder": encoder.name}
    )


def _tokenizer(encoder: Encoder, folder: Path, tokens: int) -> Tokenizer:
    if encoder.tokenizer is None:
        raise NotFrozenError(
            f"weights of {encoder.name} bring no tokeniser, so that texts cannot be read with them"
        )
    tokenizer = encoder.tokenizer(folder)
    tokenizer.no_padding()
    tokenizer.enable_truncation(tokens, stride=0)  # each token is read once
    return tokenizer
