"""What an encoder is: a family of networks that turn the text and the pictures of posts into tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from tokenizers import Tokenizer
from torch import Tensor, nn

from models.domain.preset import Modality, Preset
from models.layers.visual import Maps


class Tokens(NamedTuple):
    """hidden [N, L, D]; mask [N, L], true where there is something; embedding [N, E] of unit length, in a space that
    text and pictures share, None in a family that has none.
    """

    hidden: Tensor
    mask: Tensor
    embedding: Tensor | None = None


class Tower(nn.Module):
    """What a family computes. One that reads sets `text_width`, one that sees sets `image_width`: D of its tokens; one
    that puts texts or pictures into a space that both share sets `embedding_width`, E. One that was asked to write and
    can sets `writes`; `start` is the token it writes after, None for the tokeniser's own.
    """

    text_width = 0
    image_width = 0
    embedding_width = 0
    writes = False
    start: int | None = None

    def read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tokens:
        """[N, T] to tokens; `seen` is each post's picture, for families that read with the picture before them."""
        raise NotImplementedError

    def see(self, pixels: Tensor) -> Tokens:
        """[M, 3, S, S] in -1 to 1 to tokens."""
        raise NotImplementedError

    def write(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tensor:
        """Logits [N, T, V] of the token after each, which sees no later one, and the picture where there is one; of
        towers whose `writes` is true.
        """
        raise NotImplementedError

    def for_serving(self) -> Self:
        """Itself with what can be computed beforehand already computed; may change it in place."""
        return self


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What a tower is built from.

    pieces: [V, K], see models.data.tokenizer; `modalities`, what the tower is asked for; `weights`, a folder in the
    format of the family's own library, None for random ones; `writes`, whether it is asked to write as well, for which
    a family that can has weights that are of no use to others.
    """

    preset: Preset
    pieces: Tensor
    modalities: tuple[Modality, ...]
    weights: Path | None = None
    writes: bool = False

    @property
    def reads(self) -> bool:
        return "text" in self.modalities

    @property
    def sees(self) -> bool:
        return "image" in self.modalities or "video" in self.modalities


@dataclass(frozen=True, kw_only=True)
class Usual:
    """The weights that people usually start from; `architecture` is the library's name of their network."""

    weights: str
    licence: str
    architecture: str
    parameters: int
    fields: dict[str, Any] = field(default_factory=dict)  # what their preset has beside the architecture


class TextEmbedder(NamedTuple):
    """A frozen network of token ids and mask [N, T] to embeddings [N, F], what it reads them with, and how many."""

    network: nn.Module
    tokenizer: Tokenizer
    max_tokens: int


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One family. `preset` is a small configuration that trains on two cores."""

    name: str
    about: str
    modalities: tuple[Modality, ...]
    fuses: bool = False  # whether it reads with the picture in view
    causal: bool = False  # whether no token that it reads sees a later one
    build: Callable[[Blueprint], Tower]
    preset: Callable[[], Preset]
    usual: Usual | None = None
    writes: bool = False  # whether it can where it is asked
    tokenizer: Callable[[Path], Tokenizer] | None = None  # that of a folder of weights
    embeds: Callable[[Path], TextEmbedder] | None = None  # texts, by a folder of weights that nothing trains
    maps: Callable[[Path, int], Maps] | None = None  # pictures of a size, by such a folder


"""Encoders, one family a file."""
