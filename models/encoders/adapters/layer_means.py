"""Embeddings of texts by a network of transformers that is never trained: what several of its layers say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.encoders.adapters.transformers import loaded, tokenizer_of
from models.encoders.base.encoder import TextEmbedder
from models.encoders.base.towers import attended

PARTS = 3  # layers whose tokens are averaged: after a third of them, two thirds, and all
MAX_TOKENS = 512  # of a text
BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "esm")  # kinds of models


class LayerMeans(nn.Module):
    """The means of a text's tokens after each of some layers, side by side.

    Judgements about a text lean on what lower layers know of its words as much as on what the last one makes of its
    meaning (Tenney et al., 2019, arXiv 1905.05950).
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        layers = model.config.num_hidden_layers
        self.layers = sorted({max(1, round(layers * part / PARTS)) for part in range(1, PARTS + 1)})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, F]."""
        mask = attended(attention_mask > 0).to(input_ids.dtype)
        states = self.model(input_ids=input_ids, attention_mask=mask, output_hidden_states=True).hidden_states
        shown = mask.unsqueeze(-1).to(states[0].dtype)
        means = [(states[layer] * shown).sum(dim=1) / shown.sum(dim=1) for layer in self.layers]
        return torch.cat(means, dim=1)


def layer_means(folder: Path) -> TextEmbedder:
    """Of a folder of transformers' with a fast tokeniser; raises UnfitWeightsError."""
    from transformers import AutoModel

    model = loaded(AutoModel, folder)
    if hasattr(model, "pooler"):
        model.pooler = None  # nothing reads it
    limit = min(MAX_TOKENS, _places(model.config))
    return TextEmbedder(LayerMeans(model.eval()), tokenizer_of(folder), limit)


def _places(config: Any) -> int:
    """Tokens that it has places for; RoBERTa and its kind count them from behind that of padding."""
    places = int(getattr(config, "max_position_embeddings", MAX_TOKENS))
    counted_from = (config.pad_token_id or 0) + 1 if config.model_type in BEHIND_PADDING else 0
    return places - counted_from
