"""Text: any encoder of transformers, from its folder or from its kind's name with random weights."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from models.domain.preset import Preset, small_transformer
from models.encoders.adapters.layer_means import layer_means
from models.encoders.adapters.packed_transformer import PackedTransformer
from models.encoders.adapters.transformers import checked, loaded, small_bert, tokenizer_of
from models.encoders.base.encoder import Blueprint, Encoder, Usual
from models.encoders.base.towers import Plain, UnfitWeightsError, attended


class Transformer(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, T, D]."""
        mask = attended(attention_mask > 0).to(input_ids.dtype)
        return self.model(input_ids=input_ids, attention_mask=mask).last_hidden_state


def build(blueprint: Blueprint) -> Plain:
    model = network(blueprint)
    config = model.config
    checked(
        blueprint,
        tokens=getattr(config, "max_position_embeddings", blueprint.preset.max_tokens),
        vocabulary=config.vocab_size,
    )
    text = PackedTransformer(model) if blueprint.preset.packing else Transformer(model)
    return Plain(text=text, width=config.hidden_size)


def network(blueprint: Blueprint) -> Any:
    from transformers import AutoConfig, AutoModel, BertConfig, BertModel

    preset = blueprint.preset
    if blueprint.weights is not None:
        model = loaded(AutoModel, blueprint.weights)
    elif preset.architecture:
        try:
            model = AutoModel.from_config(AutoConfig.for_model(preset.architecture))
        except ValueError:
            raise UnfitWeightsError(
                f"transformers has no kind of model called {preset.architecture!r}; bert and xlm-roberta are two"
            ) from None
    else:
        model = BertModel(BertConfig(**small_bert(blueprint)))
    if hasattr(model, "pooler"):
        model.pooler = None  # nothing reads it
    return model


def preset() -> Preset:
    return small_transformer("text").replace(text_encoder="text", modalities=("text",))


ENCODER = Encoder(
    name="text",
    about="any text encoder of transformers",
    modalities=("text",),
    build=build,
    preset=preset,
    usual=Usual(
        weights="hf-hub:google-bert/bert-base-uncased",
        licence="Apache-2.0",
        architecture="bert",
        parameters=108_891_648,
        fields={"max_tokens": 128},
    ),
    tokenizer=tokenizer_of,
    embeds=layer_means,
)
