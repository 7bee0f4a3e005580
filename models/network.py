"""The network: encoders for what a post holds and their fusion (deep), and n-grams beside them (wide)."""

from __future__ import annotations

from copy import deepcopy
from typing import Self

import torch
from torch import Tensor, nn

from models.encoder import ENCODERS
from models.fusion import Fusion
from models.ngrams import HashedNgrams
from models.preset import Preset
from models.subword_embedding import SubwordEncoder


class Network(nn.Module):
    """One logit for each policy. A modality that a post lacks is masked; one the preset lacks has no encoder."""

    def __init__(self, preset: Preset, policies: int, pieces: Tensor) -> None:
        super().__init__()
        self.width, self.vocabulary = preset.width, len(pieces)
        self.text = self.image = self.ngrams = None
        if "text" in preset.modalities:
            self.text = ENCODERS[preset.text_encoder].build(preset, pieces)
        if preset.has_ngrams:
            self.ngrams = HashedNgrams(len(pieces), policies, preset.ngram_bits)
        if "image" in preset.modalities:
            self.image = ENCODERS[preset.image_encoder].build(preset, pieces)
        self.fusion = Fusion(policies, preset.width, preset.heads, preset.dropout)
        self.bias = nn.Parameter(torch.zeros(policies))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, pixels: Tensor, image_index: Tensor
    ) -> Tensor:
        """Logits [N, P], the mean of deep and wide where there is text; takes what `deep` takes."""
        deep = self.deep(input_ids, attention_mask, pixels, image_index)
        if self.ngrams is None:
            return deep
        wide = self.ngrams(input_ids, attention_mask)
        return torch.where((attention_mask > 0).any(dim=1, keepdim=True), (deep + wide) / 2, deep)

    def deep(self, input_ids: Tensor, attention_mask: Tensor, pixels: Tensor, image_index: Tensor) -> Tensor:
        """input_ids, attention_mask [N, T]; pixels [M, 3, S, S]; image_index [N], -1 for no image; logits [N, P]."""
        text, text_mask = self._read(input_ids, attention_mask)
        patches, patch_mask = self._see(pixels, image_index)
        return self.bias + self.fusion(text, text_mask, patches, patch_mask)

    def for_serving(self) -> Self:
        """A copy that computes the same, with what can be computed beforehand already computed."""
        network = deepcopy(self).eval()
        if isinstance(network.text, SubwordEncoder):
            network.text = network.text.folded()
        return network

    def _read(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        if self.text is None:
            nothing = self.bias.new_zeros(input_ids.shape[0], 1, self.width)
            return nothing, torch.zeros_like(input_ids[:, :1], dtype=torch.bool)
        return self.text(input_ids, attention_mask), attention_mask > 0

    def _see(self, pixels: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """Patches [N, L, D] of each post; a batch without images does not enter the encoder."""
        if self.image is None or (not torch.compiler.is_exporting() and not pixels.shape[0]):
            nothing = self.bias.new_zeros(image_index.shape[0], 1, self.width)
            return nothing, (image_index < 0)[:, None] & False
        patches = self.image(pixels)
        nothing = patches.new_zeros(1, *patches.shape[1:])  # what a post without an image is given
        patches = torch.cat([nothing, patches])[image_index + 1]
        return patches, (image_index >= 0)[:, None].expand(-1, patches.shape[1])
