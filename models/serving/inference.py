"""Scoring with an exported model. Needs onnxruntime, tokenizers, Pillow and PyAV, and never imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer

from models.content import NotRead, Part, Unread
from models.errors import UserError
from models.pixels import pixels, stacked
from models.serving.precision import Precision
from models.tokenizer import encode, load_tokenizer, padded
from models.video import Sampling, Watch, clip, frames

TOKENIZER, MODEL = "tokenizer.json", "model.json"
LOGITS, MOMENTS = "logits", "moments"  # outputs of the graph
Encoded = bytes | NDArray[np.float32] | None  # an image or a video, its pixels, or none
Feed = dict[str, NDArray[np.generic]]  # what the graph takes, by the names of its inputs

BATCH = 32
# 1: every text and picture as its library gives it. 2: what draws nothing and look-alikes are folded (models.folding),
# long texts are read in windows, pictures and videos are opened as people see them.
PREPROCESSING = 2
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
    preprocessing: int = 1  # how posts become inputs, which a model must be served as it was trained


@dataclass(frozen=True)
class Reading:
    """logits: [N, P], one column a policy; unread: of each post, what was not read."""

    logits: NDArray[np.float32]
    unread: list[tuple[Unread, ...]]


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
        return cls(session, load_tokenizer(folder / TOKENIZER, about.max_tokens), about, precision)

    @property
    def policies(self) -> tuple[str, ...]:
        return self.about.policies

    @property
    def modalities(self) -> tuple[str, ...]:
        """What of a post it sees."""
        return tuple(self.about.preset.get("modalities", ("text", "image")))

    @cached_property
    def watch(self) -> Watch:
        """How it looks at videos, where it does."""
        preset = self.about.preset
        sampling: Sampling = "scenes" if preset.get("sampling") == "scenes" else "uniform"
        return Watch(int(preset.get("frames", 1)), self.about.image_size, sampling)

    def logits(
        self, texts: Sequence[str | None], images: Sequence[Encoded], videos: Sequence[Encoded] = ()
    ) -> NDArray[np.float32]:
        """[N, P], one column a policy in the order of `policies`; what cannot be read counts as missing.

        An image may also be what models.pixels made of it already, a video what models.video did; `videos` may be
        left out where no post has one.
        """
        return self.read(texts, images, videos).logits

    def read(
        self, texts: Sequence[str | None], images: Sequence[Encoded], videos: Sequence[Encoded] = ()
    ) -> Reading:
        """The logits, and what was not read on the way to them."""
        scores = np.zeros((len(texts), len(self.policies)), dtype=np.float32)
        for chosen, feed in self.feeds(texts, images, videos):
            (scores[chosen],) = self.session.run([LOGITS], feed)
        given = {Part.TEXT: texts, Part.IMAGE: images, Part.VIDEO: videos or [None] * len(texts)}
        unseen = {part: parts for part, parts in given.items() if part not in self.modalities}
        return Reading(scores, [_unseen(unseen, row) for row in range(len(texts))])

    def moments(self, video: bytes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """When each frame that is looked at is shown, [F] in seconds, and its logits [F, P], uncalibrated: they order
        the moments of a video. Raises BrokenVideoError, and NotAModelError where the model watches no videos.
        """
        if "video" not in self.modalities:
            raise NotAModelError(f"the model looks at {' and '.join(self.modalities)}, not at videos")
        seen = clip(video, self.watch)
        ((_, feed),) = self.feeds([None], [None], [seen.frames])
        (found,) = self.session.run([MOMENTS], feed)
        return seen.seconds, found[0, : len(seen.seconds)]

    def feeds(
        self, texts: Sequence[str | None], images: Sequence[Encoded], videos: Sequence[Encoded] = ()
    ) -> Iterator[tuple[NDArray[np.int64], Feed]]:
        """The batches that posts are scored in: which rows, and what the graph is given for them."""
        videos = videos if videos and "video" in self.modalities else [None] * len(texts)
        ids = encode(self.tokenizer, texts)
        for chosen in self._batches(ids, images, videos):
            yield (
                chosen,
                self._feed(
                    [ids[row] for row in chosen],
                    [images[row] for row in chosen],
                    [videos[row] for row in chosen],
                ),
            )

    def _batches(
        self, ids: list[list[int]], images: Sequence[Encoded], videos: Sequence[Encoded]
    ) -> Iterator[NDArray[np.int64]]:
        """Rows of like length together, those with videos or images apart from those without."""
        order = sorted(
            range(len(ids)), key=lambda row: (videos[row] is not None, images[row] is not None, len(ids[row]))
        )
        for start in range(0, len(order), BATCH):
            yield np.array(order[start : start + BATCH], np.int64)

    def _feed(self, ids: list[list[int]], images: list[Encoded], videos: list[Encoded]) -> Feed:
        input_ids, mask = padded(ids)
        size = self.about.image_size
        shown = self._decoded(images, partial(pixels, size=size)) if "image" in self.modalities else []
        played = self._decoded(videos, partial(frames, watch=self.watch))
        nothing: list[NDArray[np.float32] | None] = [None] * len(ids)
        found, index, frame_index = stacked(shown or nothing, played, size, self.watch.frames, np.float32)
        inputs: Feed = {
            "input_ids": input_ids,
            "attention_mask": mask,
            "pixels": found,
            "image_index": index,
            "frame_index": frame_index,
        }
        return {name: inputs[name] for name in self._wanted}

    def _decoded(
        self, given: list[Encoded], decode: Callable[[bytes], NDArray[np.float32] | None]
    ) -> list[NDArray[np.float32] | None]:
        if not any(isinstance(item, bytes) for item in given):
            return [item for item in given if not isinstance(item, bytes)]
        with ThreadPoolExecutor() as decoders:
            ready = decoders.map(lambda item: decode(item) if isinstance(item, bytes) else item, given)
            return list(ready)

    @cached_property
    def _wanted(self) -> list[str]:
        """The inputs that the graph has."""
        return [entry.name for entry in self.session.get_inputs()]


def _unseen(parts: dict[Part, Sequence[str | Encoded]], row: int) -> tuple[Unread, ...]:
    """The parts of one post that the model does not look at."""
    there = (part for part, given in parts.items() if given[row] is not None)
    return tuple(
        Unread(part=part, reason=NotRead.NOT_SEEN, detail=f"the model does not look at a post's {part}")
        for part in there
    )
