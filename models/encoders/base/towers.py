"""Towers put together from modules, and what the libraries' networks have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from models.domain.errors import UserError
from models.encoders.base.encoder import Tokens, Tower
from models.layers.subword_embedding import SubwordEncoder
from models.process.meta_device import has_values

CONFIG = "config.json"  # what libraries say of a network, beside its weights
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")  # files of libraries
FIELD_MEAN, FIELD_STD = (
    (0.5, 0.5, 0.5),
    (0.5, 0.5, 0.5),
)  # of pixels in -1 to 1, as models.data.pixels makes them

WHY = 300  # characters of what a library says


class UnfitWeightsError(UserError):
    """Weights that do not fit the preset that names them."""


def bare(folder: Path) -> bool:
    """Whether a network is built anew of a library's configuration: a folder holds it without its weights, or it is to
    have shapes alone.
    """
    return not has_values() or not any(path.suffix in WEIGHTS for path in folder.iterdir())


def configured(folder: Path, library: str) -> dict[str, Any]:
    """What a folder says of its network; raises UnfitWeightsError where it says nothing that can be read."""
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnfitWeightsError(f"{folder} holds no weights of {library}: {CONFIG} is missing") from None
    except ValueError as error:
        raise UnfitWeightsError(
            f"{folder} holds no weights of {library}: {CONFIG} is no JSON: {error}"
        ) from None
    if not isinstance(found, dict):
        raise UnfitWeightsError(f"{folder} holds no weights of {library}: {CONFIG} holds no object")
    return found


@contextmanager
def loading(folder: Path, library: str) -> Iterator[None]:
    """While a library loads a folder that somebody named; raises UnfitWeightsError where it cannot."""
    try:
        yield
    except (UserError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - configurations and damaged files fail libraries in any way
        why = " ".join(f"{type(error).__name__}: {error}".split())[:WHY]
        raise UnfitWeightsError(
            f"{library} cannot load {folder}: {why.rstrip('.')}; fetch it anew, or save it anew with {library}, or "
            "name another folder (moderato models lists what is at hand)"
        ) from None


class Plain(Tower):
    """A text module [N, T], [N, T] to [N, T, D] and an image module [M, 3, S, S] to [M, L, D], either may be missing,
    that know nothing of each other.
    """

    def __init__(self, *, text: nn.Module | None = None, image: nn.Module | None = None, width: int) -> None:
        super().__init__()
        self.text, self.image = text, image
        self.text_width, self.image_width = width if text else 0, width if image else 0

    def read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tokens:  # noqa: ARG002
        assert self.text is not None
        return Tokens(self.text(input_ids, attention_mask), attention_mask > 0)

    def see(self, pixels: Tensor) -> Tokens:
        assert self.image is not None
        return everywhere(self.image(pixels))

    def for_serving(self) -> Self:
        if isinstance(self.text, SubwordEncoder):
            self.text = self.text.folded()
        return self


class Normalise(nn.Module):
    """Pixels in -1 to 1 to the mean and deviation that a network was trained with."""

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, pixels: Tensor) -> Tensor:
        """[M, 3, S, S] to the same shape."""
        return ((pixels + 1) / 2 - self.mean) / self.std


def everywhere(hidden: Tensor, embedding: Tensor | None = None) -> Tokens:
    """Tokens of which none is missing."""
    return Tokens(hidden, torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device), embedding)


def last(hidden: Tensor, mask: Tensor) -> Tensor:
    """The last token that is there, [N, D]; the first where none is."""
    place = (mask.to(torch.int64).sum(dim=1) - 1).clamp(min=0)
    return hidden[torch.arange(hidden.shape[0], device=hidden.device), place]


def attended(mask: Tensor) -> Tensor:
    """A mask [N, L] for cross-attention in which a row without anything may be looked at everywhere, so that no
    softmax is over nothing; what such a row finds must be hidden by whoever asked.
    """
    return mask | ~mask.any(dim=1, keepdim=True)


def additive(mask: Tensor) -> Tensor:
    """A mask [N, L] as what is added to attention logits, [N, 1, 1, L]."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -1e4)[:, None, None, :]
