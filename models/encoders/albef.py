"""Text and pictures: ALBEF (Li et al., 2021, arXiv 2107.07651) on transformers' ViT and BERT.

The lower half of BERT reads alone; the upper half reads on with the picture before it. A folder of weights holds
`vision` and `text`, each as transformers saves a ViTModel and a BertModel; where the text was saved without
cross-attention, that begins from random.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.transformers import checked, loaded, small_bert, small_vit, tokenizer_of
from models.encoders.base.encoder import Blueprint, Encoder, Tokens, Tower, Usual
from models.encoders.base.towers import (
    FIELD_MEAN,
    FIELD_STD,
    Normalise,
    UnfitWeightsError,
    additive,
    attended,
    everywhere,
)

EMBEDDING = 256  # features of the space that text and pictures share, as in the paper
CROSSED: dict[str, Any] = {
    "is_decoder": True,
    "add_cross_attention": True,
}  # transformers has the one only with the other


class AlbefTower(Tower):
    def __init__(self, vision: Any, text: Any, blueprint: Blueprint) -> None:
        super().__init__()
        self.normalise = Normalise(FIELD_MEAN, FIELD_STD)
        self.vision, self.text = vision, text
        layers = text.encoder.layer
        self.lower = len(layers) // 2
        for layer in layers[: self.lower]:
            layer.crossattention = None
        self.image_width, self.text_width = vision.config.hidden_size, text.config.hidden_size
        self.embedding_width = EMBEDDING
        self.vision_projection = nn.Linear(self.image_width, EMBEDDING)
        self.text_projection = nn.Linear(self.text_width, EMBEDDING)
        checked(blueprint, tokens=text.config.max_position_embeddings, vocabulary=text.config.vocab_size)

    def read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tokens:
        mask = attention_mask > 0
        hidden, alone = self.text.embeddings(input_ids=input_ids), additive(attended(mask))
        for layer in self.text.encoder.layer[: self.lower]:
            hidden = layer(hidden, alone)
        embedding = functional.normalize(self.text_projection(hidden[:, 0]), dim=-1)
        return Tokens(self.fuse(hidden, mask, seen), mask, embedding)

    def fuse(self, hidden: Tensor, mask: Tensor, seen: Tokens | None) -> Tensor:
        """The upper half: text [N, T, D] with each one's picture before it, where there is one."""
        alone = additive(attended(mask))
        for layer in self.text.encoder.layer[self.lower :]:
            with_text = layer(hidden, alone)
            if seen is None:
                hidden = with_text
                continue
            both = layer(hidden, alone, seen.hidden, additive(attended(seen.mask)))
            hidden = torch.where(seen.mask.any(dim=1)[:, None, None], both, with_text)
        return hidden

    def see(self, pixels: Tensor) -> Tokens:
        hidden = self.vision(self.normalise(pixels)).last_hidden_state
        return everywhere(hidden, functional.normalize(self.vision_projection(hidden[:, 0]), dim=-1))


def build(blueprint: Blueprint) -> AlbefTower:
    from transformers import BertConfig, BertModel, ViTConfig, ViTModel

    folder, preset = blueprint.weights, blueprint.preset
    if folder is not None:
        vision = loaded(ViTModel, folder / "vision", add_pooling_layer=False)
        text = loaded(BertModel, folder / "text", add_pooling_layer=False, **CROSSED)
        if vision.config.image_size != preset.image_size:
            raise UnfitWeightsError(
                f"image_size is {preset.image_size}; these weights see {vision.config.image_size} pixels"
            )
        return AlbefTower(vision, text, blueprint)
    full = preset.architecture == "base"
    seen = ViTConfig(image_size=preset.image_size) if full else ViTConfig(**small_vit(blueprint))
    read = BertConfig(**CROSSED) if full else BertConfig(**small_bert(blueprint), **CROSSED)
    return AlbefTower(
        ViTModel(seen, add_pooling_layer=False), BertModel(read, add_pooling_layer=False), blueprint
    )


def preset() -> Preset:
    return small_transformer("albef").replace(text_encoder="albef", image_encoder="albef")


ENCODER = Encoder(
    name="albef",
    about="aligns text and picture, then fuses them by cross-attention; architecture=base is ViT-B/16 and BERT",
    modalities=("text", "image"),
    fuses=True,
    build=build,
    preset=preset,
    usual=Usual(
        weights="google/vit-base-patch16-224 in vision, google-bert/bert-base-uncased in text",
        licence="Apache-2.0",
        architecture="base",
        parameters=209_267_456,
        fields={"image_size": 224, "max_tokens": 128},
    ),
    tokenizer=lambda folder: tokenizer_of(folder / "text"),
)
