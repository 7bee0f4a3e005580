"""Scoring with an exported model. Needs onnxruntime, tokenizers, Pillow and PyAV, and never imports torch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer

from models.data import video
from models.data.pictures import BrokenPictureError
from models.data.pixels import Shown, Sight, scaled, shown, stacked
from models.data.said import said
from models.data.tokenizer import Windows, load_tokenizer, padded, windows
from models.data.video import BrokenVideoError, Sampling, Watch, clip
from models.data.words import Words, unmasked
from models.domain.content import NotRead, Part, Unread
from models.domain.errors import UserError
from models.domain.preprocessing import FIRST
from models.inference.embedder import EMBEDDING, Embedder, has_embedder
from models.inference.precision import Precision

if TYPE_CHECKING:
    from models.data.embeddings import Embeddings
    from models.readers.base.reading import Reading as Readers

TOKENIZER, MODEL = "tokenizer.json", "model.json"
WORDS = "words.tsv"  # that training has met, of a model that reads disguised ones as those
LOGITS, MOMENTS = "logits", "moments"  # outputs of the graph
Encoded = bytes | NDArray[np.float32] | None  # an image or a video, its pixels, or none
Feed = dict[str, NDArray[np.generic]]  # what the graph takes, by the names of its inputs

log = logging.getLogger(__name__)

BATCH_POSTS = 32  # that the graph is given at once
BATCH_PIXELS = (
    1 << 20
)  # of pictures and frames that it is given at once, as far as one post does not have more
ERRORS_ONLY = 3  # onnxruntime's log level for errors only


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
    preprocessing: int = FIRST  # how posts become inputs, which a model must be served as it was trained
    readers: dict[str, str] = {}  # what its readers were when it was trained


@dataclass(frozen=True)
class Reading:
    """logits: [N, P], one column a policy; unread: of each post, what was not read."""

    logits: NDArray[np.float32]
    unread: list[tuple[Unread, ...]]


Singles = NDArray[np.float32]
Visible = (
    Singles | Shown | None
)  # an image or a video once it is opened; bytes are not scaled before they are looked at


class _Rows(NamedTuple):
    """Windows on texts, [R], as token ids and as they are written, and of which of the posts each is."""

    ids: list[list[int]]
    texts: list[str]
    posts: NDArray[np.int64]


@dataclass(frozen=True)
class Scorer:
    """Raw logits for posts; rows without an image cost no image encoding."""

    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer  # reads as much of a text as training saw of it
    parts: Tokenizer  # and this one in windows, where it is long
    about: ModelFile
    precision: Precision
    embedder: Embedder | None = None  # reads beside it
    words: Words | None = None
    readers: Readers | None = None  # of what is drawn and said

    @classmethod
    def load(
        cls, folder: Path, threads: int = 0, graph: Path | None = None, kept: Embeddings | None = None
    ) -> Self:
        """`threads` 0 means all cores; `graph` is for one that the folder does not serve; what its readers read is
        `kept`, and not read again. Raises NotAModelError, and NoReaderError where a reader's library is not installed.
        """
        precision = Precision.read(folder)
        missing = [name for name in (precision.serves, TOKENIZER, MODEL) if not (folder / name).exists()]
        if missing:
            raise NotAModelError(f"{folder} holds no model: {', '.join(missing)} missing; train one first")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, ERRORS_ONLY
        served = graph or folder / precision.serves
        session = onnxruntime.InferenceSession(served, options, providers=["CPUExecutionProvider"])
        about = ModelFile.model_validate_json((folder / MODEL).read_text())
        window = min(about.max_tokens, int(about.preset.get("window", about.max_tokens)))
        whole, parts = (load_tokenizer(folder / TOKENIZER, tokens) for tokens in (about.max_tokens, window))
        embedder = Embedder.load(folder, threads) if has_embedder(folder) else None
        words = Words.read(folder / WORDS) if (folder / WORDS).exists() else None
        readers = _readers(about, threads, kept)
        return cls(session, whole, parts, about, precision, embedder, words, readers)

    @property
    def policies(self) -> tuple[str, ...]:
        return self.about.policies

    @property
    def modalities(self) -> tuple[str, ...]:
        """What of a post it sees."""
        return tuple(self.about.preset.get("modalities", ("text", "image")))

    def looks_at(self, part: str) -> bool:
        """Whether it sees such a part of a post, or words in it."""
        return part in self.modalities or self._reads(part)

    def _reads(self, part: str) -> bool:
        return self.readers is not None and self.readers.looks_at(part)

    @cached_property
    def watch(self) -> Watch:
        """How it looks at videos, where it does."""
        preset = self.about.preset
        sampling: Sampling = "scenes" if preset.get("sampling") == "scenes" else "uniform"
        return Watch(int(preset.get("frames", 1)), self.about.image_size, sampling, self.about.preprocessing)

    @property
    def sight(self) -> Sight:
        """How it looks at pictures, where it does."""
        return Sight(self.about.image_size, self.about.preprocessing)

    def logits(
        self, texts: Sequence[str | None], images: Sequence[Encoded], videos: Sequence[Encoded] = ()
    ) -> NDArray[np.float32]:
        """[N, P], one column a policy in the order of `policies`; what cannot be read counts as missing.

        An image may also be what models.data.pixels made of it already, one picture [3, S, S] or each that is looked at
        [K, 3, S, S], and a video what models.data.video did; `videos` may be left out where no post has one. Of such
        nothing is read: who opened it puts what it says behind the text (models.data.said).
        """
        return self.read(texts, images, videos).logits

    def read(
        self, texts: Sequence[str | None], images: Sequence[Encoded], videos: Sequence[Encoded] = ()
    ) -> Reading:
        """The logits, and what was not read on the way to them."""
        scores = np.full((len(texts), len(self.policies)), -np.inf, dtype=np.float32)
        missed: list[list[Unread]] = [[] for _ in texts]
        for chosen, feed in self.feeds(texts, images, videos, missed):
            np.maximum.at(scores, chosen, self.session.run([LOGITS], feed)[0])
        return Reading(scores, [tuple(items) for items in missed])

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
        self,
        texts: Sequence[str | None],
        images: Sequence[Encoded],
        videos: Sequence[Encoded] = (),
        missed: list[list[Unread]] | None = None,
    ) -> Iterator[tuple[NDArray[np.int64], Feed]]:
        """The batches that posts are scored in: which posts, and what the graph is given for them.

        A post of a long text has a row for each window on it, each with its image and its video: a person who reads on
        has seen them. One with an animation has a row for each frame that is looked at. To `missed`, [N], is added what
        is not read.
        """
        missed = [[] for _ in texts] if missed is None else missed
        pictures = self._opened(Part.IMAGE, images, missed, partial(shown, sight=self.sight))
        films = self._opened(
            Part.VIDEO, videos or [None] * len(texts), missed, partial(video.shown, watch=self.watch)
        )
        text = self._windows(self._said(texts, images, videos, missed), missed)
        for rows in _batches(text, pictures, films):
            posts, place = np.unique(text.owner[rows], return_inverse=True)
            owner, feed = self._feed(
                _Rows([text.ids[row] for row in rows], [text.texts[row] for row in rows], place),
                [_floats(pictures[post]) for post in posts],
                [_floats(films[post]) for post in posts],
            )
            yield posts[owner], feed

    def _opened(
        self,
        part: Part,
        given: Sequence[Encoded],
        missed: list[list[Unread]],
        decode: Callable[[bytes], Shown],
    ) -> Sequence[Visible]:
        """What the model is given of such parts, each opened once, however many windows look at it."""
        if part in self.modalities:
            return _opened(part, given, missed, decode)
        _note(missed, part, NotRead.SKIPPED if self._reads(part) else NotRead.NOT_SEEN, given)
        return [None] * len(given)

    def _said(
        self,
        texts: Sequence[str | None],
        images: Sequence[Encoded],
        videos: Sequence[Encoded],
        missed: list[list[Unread]],
    ) -> Sequence[str | None]:
        """What each post says: its text, and behind it what the readers read. Whoever opened a picture has read it."""
        if self.readers is None:
            return texts
        read, unread = self.readers.of(images, videos)
        for items, further in zip(missed, unread, strict=True):
            # what cannot be opened is told by whoever looks at it, and once
            closed = {item.part for item in items if item.reason is NotRead.UNREADABLE}
            items += [it for it in further if it.reason is not NotRead.UNREADABLE or it.part not in closed]
        return list(map(said, texts, read))

    def _windows(self, texts: Sequence[str | None], missed: list[list[Unread]]) -> Windows:
        if Part.TEXT not in self.modalities:
            _note(missed, Part.TEXT, NotRead.NOT_SEEN, [text or None for text in texts])
        most, fold = int(self.about.preset.get("windows", 1)), self.about.preprocessing > FIRST
        texts = unmasked(texts, self.words)
        found = windows(self.tokenizer, self.parts, texts, most, fold=fold, located=self.embedder is not None)
        if Part.TEXT in self.modalities:
            for row, detail in found.unread.items():
                missed[row].append(Unread(part=Part.TEXT, reason=NotRead.BEYOND_LIMIT, detail=detail))
        return found

    def _feed(
        self, rows: _Rows, images: list[Singles | None], videos: list[Singles | None]
    ) -> tuple[NDArray[np.int64], Feed]:
        """And of which of the posts each of its rows is: those that are given, and behind them one for each further
        picture of a post that has several.
        """
        seen = [[None] if image is None else [*_each(image)] for image in images]
        further = np.repeat(np.arange(len(seen)), [len(pictures) - 1 for pictures in seen])
        first = {post: row for row, post in reversed(list(enumerate(rows.posts.tolist())))}
        owner = np.concatenate([rows.posts, further])
        rest = [picture for pictures in seen for picture in pictures[1:]]
        found, index, frame_index = stacked(
            [pictures[0] for pictures in seen] + rest,
            [*videos, *[None] * len(rest)],
            self.about.image_size,
            self.watch.frames,
            np.float32,
        )
        again = [first[post] for post in further.tolist()]
        input_ids, mask = padded(rows.ids + [rows.ids[row] for row in again])
        inputs: Feed = {
            "input_ids": input_ids,
            "attention_mask": mask,
            "pixels": found,
            "image_index": index[np.concatenate([rows.posts, len(seen) + np.arange(len(rest))])],
            "frame_index": frame_index[owner],
        }
        if self.embedder is not None:
            embedded = self.embedder(rows.texts)
            inputs[EMBEDDING] = np.concatenate([embedded, embedded[again]]) if again else embedded
        return owner, {name: inputs[name] for name in self._wanted}

    @cached_property
    def _wanted(self) -> list[str]:
        """The inputs that the graph has."""
        return [entry.name for entry in self.session.get_inputs()]


def _readers(about: ModelFile, threads: int, kept: Embeddings | None) -> Readers | None:
    """Told in the log where they are of another edition than those that the model learned with."""
    if not about.preset.get("reads"):
        return None
    from models.readers.base.reading import Reading as Readers

    found = Readers.of_preset(about.preset["reads"], threads, kept)
    for reader in found.readers if found else ():
        name, now = reader.reader.name, reader.reader.edition
        if (then := about.readers.get(name, now)) != now:
            log.warning("reads otherwise", extra={"reader": name, "learned_with": then, "reads_with": now})
    return found


def _batches(
    text: Windows, images: Sequence[Visible], videos: Sequence[Visible]
) -> Iterator[NDArray[np.int64]]:
    """Windows of like length together, those of posts with videos or images apart from those without; no more of them
    than BATCH_PIXELS allow, as what networks compute of pictures is far larger than those. A post's are computed once,
    for all its windows in a batch.
    """
    pixels = [_pixels(image) + _pixels(film) for image, film in zip(images, videos, strict=True)]

    def kind(window: int) -> tuple[bool, bool, int]:
        post = text.owner[window]
        return videos[post] is not None, images[post] is not None, len(text.ids[window])

    batch: list[int] = []
    seen: dict[int, int] = {}  # pixels of the posts in it
    for window in sorted(range(len(text.ids)), key=kind):
        post = int(text.owner[window])
        more = 0 if post in seen else pixels[post]
        if batch and (len(batch) == BATCH_POSTS or (more and sum(seen.values()) + more > BATCH_PIXELS)):
            yield np.array(batch, np.int64)
            batch, seen = [], {}
        batch.append(window)
        seen[post] = pixels[post]
    if batch:
        yield np.array(batch, np.int64)


def _pixels(opened: Visible) -> int:
    """Of all pictures of an image or a video."""
    pictures = opened.pictures if isinstance(opened, Shown) else opened
    return 0 if pictures is None else pictures.size // 3


def _each(image: Singles) -> Singles:
    """[K, 3, S, S]."""
    return image if image.ndim == SEVERAL else image[None]


SEVERAL = 4  # axes of pictures


def _opened(
    part: Part, given: Sequence[Encoded], missed: list[list[Unread]], decode: Callable[[bytes], Shown]
) -> list[Visible]:
    """What is seen of each; what is not, or not all of it, is added to `missed`."""
    if not any(isinstance(item, bytes) for item in given):
        return [item for item in given if not isinstance(item, bytes)]

    def made(item: Encoded) -> Visible:
        try:
            return decode(item) if isinstance(item, bytes) else item
        except (BrokenPictureError, BrokenVideoError):
            return None

    with ThreadPoolExecutor() as decoders:
        found = list(decoders.map(made, given))
    broken = [item if opened is None else None for item, opened in zip(given, found, strict=True)]
    _note(missed, part, NotRead.UNREADABLE, broken)
    for items, opened in zip(missed, found, strict=True):
        if isinstance(opened, Shown) and opened.unseen:
            items.append(Unread(part=part, reason=NotRead.SKIPPED, detail=opened.unseen))
    return found


def _floats(opened: Visible) -> Singles | None:
    return scaled(opened.pictures) if isinstance(opened, Shown) else opened


DETAILS = {
    NotRead.SKIPPED: "of the {} the model reads the words, and sees nothing else",
    NotRead.NOT_SEEN: "the model does not look at a post's {}",
    NotRead.UNREADABLE: "the {} cannot be opened",
}


def _note(missed: list[list[Unread]], part: Part, reason: NotRead, given: Sequence[str | Encoded]) -> None:
    """Add to each post of which there is such a part that it was not read."""
    for items, there in zip(missed, given, strict=True):
        if there is not None:
            items.append(Unread(part=part, reason=reason, detail=DETAILS[reason].format(part)))
