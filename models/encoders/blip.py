"""Text and pictures: BLIP (Li et al., 2022, arXiv 2201.12086) of transformers, reading with the picture in view.

A folder of weights is one of its models for retrieval or for captions. What the one lacks for the other begins anew:
the projections to the space that text and pictures share, or the head that names tokens; the self-attention that
writes begins as a copy of the one that reads.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.open_clip import causal
from models.encoders.adapters.transformers import checked, loaded, small_bert, small_vit, tokenizer_of
from models.encoders.base.encoder import Blueprint, Encoder, Tokens, Tower, Usual
from models.encoders.base.towers import CONFIG, Normalise, additive, attended, everywhere

MEAN, STD = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)  # CLIP's, as BLIP was trained


class BlipTower(Tower):
    def __init__(self, model: Any, blueprint: Blueprint) -> None:
        super().__init__()
        self.normalise = Normalise(MEAN, STD)
        self.vision, self.text = model.vision_model, model.text_encoder
        self.vision_projection, self.text_projection = model.vision_proj, model.text_proj
        self.embedding_width = model.vision_proj.out_features
        text, vision = model.config.text_config, model.config.vision_config
        checked(blueprint, tokens=text.max_position_embeddings, vocabulary=text.vocab_size)
        self.text_width, self.image_width = text.hidden_size, vision.hidden_size
        self.resized = vision.image_size != blueprint.preset.image_size
        self.writes, self.start = blueprint.writes, getattr(model, "start", None)
        self.writer = Writer(model.text_encoder, getattr(model, "head", None)) if blueprint.writes else None

    def read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tokens:
        """Every layer looks at the picture; a text without one is read as for retrieval, with an embedding."""
        mask = attention_mask > 0
        alone = self._read(input_ids, mask, None, None)
        embedding = functional.normalize(self.text_projection(alone[:, 0]), dim=-1)
        if seen is None:
            return Tokens(alone, mask, embedding)
        both = self._read(input_ids, mask, seen.hidden, attended(seen.mask).to(input_ids.dtype))
        return Tokens(torch.where(seen.mask.any(dim=1)[:, None, None], both, alone), mask, embedding)

    def see(self, pixels: Tensor) -> Tokens:
        found = self.vision(
            pixel_values=self.normalise(pixels), interpolate_pos_encoding=self.resized
        ).last_hidden_state
        return everywhere(found, functional.normalize(self.vision_projection(found[:, 0]), dim=-1))

    def write(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tensor:
        assert self.writer is not None
        return self.writer(self.text, input_ids, attention_mask > 0, seen)

    def _read(
        self, input_ids: Tensor, mask: Tensor, patches: Tensor | None, patch_mask: Tensor | None
    ) -> Tensor:
        return self.text(
            input_ids=input_ids,
            attention_mask=attended(mask).to(input_ids.dtype),
            encoder_hidden_states=patches,
            encoder_attention_mask=patch_mask,
            is_decoder=False,
        ).last_hidden_state


class Writer(nn.Module):
    """What writing adds to a network that reads: all else is shared, as in section 3.1."""

    def __init__(self, text: Any, head: Any = None) -> None:
        super().__init__()
        from transformers.models.blip.modeling_blip_text import BlipTextLMPredictionHead

        head = head or BlipTextLMPredictionHead(text.config)
        self.attentions = nn.ModuleList(deepcopy(layer.attention) for layer in text.encoder.layer)
        self.transform, self.bias = head.transform, head.bias
        for layer in text.encoder.layer:
            layer.written = partial(_written, layer)

    def forward(self, text: Any, input_ids: Tensor, mask: Tensor, seen: Tokens | None) -> Tensor:
        """Logits [N, T, V]; they name tokens by what these are read as."""
        hidden = text.embeddings(input_ids=input_ids)
        earlier = causal(hidden) + additive(attended(mask))
        for layer, attention in zip(text.encoder.layer, self.attentions, strict=True):
            hidden = layer.written(attention(hidden, attention_mask=earlier)[0], seen)
        table = text.embeddings.word_embeddings.weight
        return functional.linear(self.transform(hidden), table, self.bias)


def _written(layer: Any, hidden: Tensor, seen: Tokens | None) -> Tensor:
    """What a layer does behind its own attention; as one entry, whose weights may be shared out."""
    if seen is not None:
        looked, _ = layer.crossattention(hidden, encoder_hidden_states=seen.hidden)
        hidden = torch.where(seen.mask.any(dim=1)[:, None, None], looked, hidden)
    found: Tensor = layer.feed_forward_chunk(hidden)
    return found


def build(blueprint: Blueprint) -> BlipTower:
    from transformers import BlipConfig, BlipForImageTextRetrieval

    if blueprint.weights is not None:
        return BlipTower(_saved(blueprint.weights), blueprint)
    if blueprint.preset.architecture == "base":
        size = {"image_size": blueprint.preset.image_size}
        config = BlipConfig(image_text_hidden_size=256, vision_config=size)
    else:
        config = small_config(blueprint)
    return BlipTower(BlipForImageTextRetrieval(config), blueprint)


def _saved(folder: Path) -> Any:
    """A network for retrieval; one of a folder for captions has that folder's `head` and `start` beside."""
    from transformers import BlipForConditionalGeneration, BlipForImageTextRetrieval

    path = folder / CONFIG
    architectures = json.loads(path.read_text()).get("architectures") if path.exists() else None
    if architectures != [BlipForConditionalGeneration.__name__]:
        return loaded(BlipForImageTextRetrieval, folder)
    found = loaded(BlipForConditionalGeneration, folder)
    model: Any = BlipForImageTextRetrieval(found.config)
    model.vision_model, model.text_encoder = found.vision_model, found.text_decoder.bert
    model.head, model.start = found.text_decoder.cls.predictions, found.config.text_config.bos_token_id
    return model


def small_config(blueprint: Blueprint) -> Any:
    from transformers import BlipConfig

    width = blueprint.preset.width
    marks = {"bos_token_id": 1, "sep_token_id": 1, "eos_token_id": 1}
    text = small_bert(blueprint) | marks | {"encoder_hidden_size": width, "projection_dim": width}
    return BlipConfig(text_config=text, vision_config=small_vit(blueprint), image_text_hidden_size=width)


def preset() -> Preset:
    return small_transformer("blip").replace(text_encoder="blip", image_encoder="blip")


ENCODER = Encoder(
    name="blip",
    about="matching and captioning; architecture=base is ViT-B/16 and BERT",
    modalities=("text", "image"),
    fuses=True,
    build=build,
    preset=preset,
    usual=Usual(
        weights="hf-hub:Salesforce/blip-itm-base-coco",
        licence="BSD-3-Clause",
        architecture="base",
        parameters=223_742_720,
        fields={"image_size": 384, "max_tokens": 128},
    ),
    writes=True,
    tokenizer=tokenizer_of,
)
