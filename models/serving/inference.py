"""Scoring with an exported model. Needs onnxruntime, tokenizers and Pillow, and never imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer

from models.errors import UserError
from models.pixels import pixels, stacked
from models.serving.precision import Precision
from models.tokenizer import encode, padded

TOKENIZER, MODEL = "tokenizer.json", "model.json"
Encoded = bytes | NDArray[np.float32] | None  # an image, its pixels, or none
Feed = dict[str, NDArray[np.generic]]  # what the graph takes, by the names of its inputs

BATCH = 32
QUIET = 3  # onnxruntime's log level for errors only


class NotAModelError(UserError):
    """A folder that holds no exported model."""


class ModelFile(BaseModel):
    """What model.json says about the model beside it."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    policies: tuple[str, ...]
    preset: dict[str, Any]
    max_tokens: int
    image_size: int
    parity: float  # largest difference of a logit between torch and ONNX when it was exported


@dataclass(frozen=True)
class Scorer:
    """Raw logits for posts; rows without an image cost no image encoding."""

    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer
    about: ModelFile
    precision: Precision

    @classmethod
    def load(cls, folder: Path, threads: int = 0, graph: Path | None = None) -> Self:
        """`threads` 0 means all cores; `graph` is for one that the folder does not serve. Raises NotAModelError."""
        precision = Precision.read(folder)
        missing = [name for name in (precision.serves, TOKENIZER, MODEL) if not (folder / name).exists()]
        if missing:
            raise NotAModelError(f"{folder} holds no model: {', '.join(missing)} missing; train one first")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, QUIET
        served = graph or folder / precision.serves
        session = onnxruntime.InferenceSession(served, options, providers=["CPUExecutionProvider"])
        about = ModelFile.model_validate_json((folder / MODEL).read_text())
        return cls(session, Tokenizer.from_file(str(folder / TOKENIZER)), about, precision)

    @property
    def policies(self) -> tuple[str, ...]:
        return self.about.policies

    @property
    def modalities(self) -> tuple[str, ...]:
        """What of a post it sees."""
        return tuple(self.about.preset.get("modalities", ("text", "image")))

    def logits(self, texts: Sequence[str | None], images: Sequence[Encoded]) -> NDArray[np.float32]:
        """[N, P], one column a policy in the order of `policies`; an image that cannot be read counts as missing.

        An image may also be what models.pixels made of it already.
        """
        scores = np.zeros((len(texts), len(self.policies)), dtype=np.float32)
        for chosen, feed in self.feeds(texts, images):
            (scores[chosen],) = self.session.run(["logits"], feed)
        return scores

    def feeds(
        self, texts: Sequence[str | None], images: Sequence[Encoded]
    ) -> Iterator[tuple[NDArray[np.int64], Feed]]:
        """The batches that posts are scored in: which rows, and what the graph is given for them."""
        ids = encode(self.tokenizer, texts, self.about.max_tokens)
        for chosen in self._batches(ids, images):
            yield chosen, self._feed([ids[row] for row in chosen], [images[row] for row in chosen])

    def _batches(self, ids: list[list[int]], images: Sequence[Encoded]) -> Iterator[NDArray[np.int64]]:
        """Rows of like length together, those with images apart from those without."""
        order = np.array(
            sorted(range(len(ids)), key=lambda row: (images[row] is not None, len(ids[row]))), np.int64
        )
        for start in range(0, len(order), BATCH):
            yield order[start : start + BATCH]

    def _feed(self, ids: list[list[int]], images: list[Encoded]) -> Feed:
        input_ids, mask = padded(ids)
        found, index = stacked(self._decoded(images), self.about.image_size)
        inputs: Feed = {"input_ids": input_ids, "attention_mask": mask, "pixels": found, "image_index": index}
        return {name: inputs[name] for name in self._wanted}

    def _decoded(self, images: list[Encoded]) -> list[NDArray[np.float32] | None]:
        size = self.about.image_size
        if "image" not in self.modalities or all(image is None for image in images):
            return [None] * len(images)
        if not any(isinstance(image, bytes) for image in images):
            return [image for image in images if not isinstance(image, bytes)]
        with ThreadPoolExecutor() as decoders:
            ready = decoders.map(
                lambda image: pixels(image, size) if isinstance(image, bytes) else image, images
            )
            return list(ready)

    @cached_property
    def _wanted(self) -> list[str]:
        """The inputs that the graph has."""
        return [entry.name for entry in self.session.get_inputs()]
