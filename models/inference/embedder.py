"""Embeddings of texts by a frozen encoder, an ONNX file beside the model's own. Never imports torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.data.tokenizer import folded_texts, load_tokenizer, padded

EMBEDDER, EMBEDDER_TOKENIZER = "embedder.onnx", "embedder_tokenizer.json"
EMBEDDING = "text_embedding"  # the graph's output, and the input of the one that judges by it
LIMIT = "max_tokens"  # of a text, in the graph's metadata
BATCH_TOKENS, BATCH_TEXTS = 4096, 64  # padding counted in; larger batches only wait for their longest text
ERRORS_ONLY = 3  # onnxruntime's log level for errors only


@dataclass(frozen=True)
class Embedder:
    """What an encoder that is never trained makes of texts; `digest` names it, and so whatever it computes."""

    folder: Path
    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> Self:
        """Of a folder that holds one, see `has_embedder`; `threads` 0 means all cores."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, ERRORS_ONLY
        session = onnxruntime.InferenceSession(folder / EMBEDDER, options, providers=["CPUExecutionProvider"])
        limit = int(session.get_modelmeta().custom_metadata_map[LIMIT])
        return cls(folder, session, load_tokenizer(folder / EMBEDDER_TOKENIZER, limit))

    @cached_property
    def digest(self) -> str:
        digest = hashlib.sha256()
        for name in (EMBEDDER, EMBEDDER_TOKENIZER):
            digest.update((self.folder / name).read_bytes())
        return digest.hexdigest()

    @property
    def column(self) -> str:
        """What of a post it reads."""
        return "text"

    @cached_property
    def width(self) -> int:
        """F, features of an embedding."""
        return int(self.session.get_outputs()[0].shape[1])

    def __call__(self, texts: Sequence[str | bytes | None], /) -> NDArray[np.float32]:
        """[N, F], zeros for a text that is missing or empty; a text's row does not depend on the others'."""
        found = np.zeros((len(texts), self.width), np.float32)
        read = folded_texts([text if isinstance(text, str) else None for text in texts])
        given = {row: text for row, text in enumerate(read) if text}
        there = [*given]
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch_fast([*given.values()])]
        for chosen in _batches([len(row) for row in ids]):
            input_ids, mask = padded([ids[place] for place in chosen])
            (rows,) = self.session.run([EMBEDDING], {"input_ids": input_ids, "attention_mask": mask})
            found[[there[place] for place in chosen]] = rows
        return found


def has_embedder(folder: Path) -> bool:
    """Whether a folder holds an encoder beside its model."""
    return (folder / EMBEDDER).exists()


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Places of texts of like length, so few together that their padded tokens are BATCH_TOKENS at most."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == BATCH_TEXTS or (len(batch) + 1) * lengths[place] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
