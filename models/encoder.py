"""What an encoder is: a network that turns one modality into tokens of a common width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from models import encoders
from models.catalogue import Catalogue
from models.preset import Modality, Preset


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One family.

    A text encoder is built from a preset and the pieces of each token [V, K] (see models.tokenizer); it maps
    input_ids [N, T] and attention_mask [N, T] to [N, T, width]. An image encoder is built from a preset; it maps
    pixels [M, 3, S, S] in -1 to 1 to patches [M, L, width].
    """

    name: str
    modality: Modality
    build: Callable[[Preset, Tensor], nn.Module]


ENCODERS: Catalogue[Encoder] = Catalogue(encoders, "ENCODER", Encoder)
