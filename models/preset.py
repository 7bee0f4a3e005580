"""Presets: everything that decides what is trained, as one immutable object."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import UserError

Modality = Literal["text", "image"]


class UnknownPresetError(UserError):
    """A preset that does not exist."""


class PresetError(UserError):
    """An override that a preset cannot have."""


class Preset(BaseModel):
    """Keyword-only; `replace` gives a changed copy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="what the preset is called")
    modalities: tuple[Modality, ...] = Field(
        default=("text", "image"), min_length=1, description="what it looks at"
    )
    text_encoder: str = Field(
        default="subword_cnn", description="file in models/encoders that reads text, or my.package.module"
    )
    image_encoder: str = Field(
        default="small_resnet", description="file in models/encoders that reads images, or my.package.module"
    )
    objective: str = Field(default="asymmetric", description="file in models/objectives")
    unknown: Literal["mask", "negative"] = Field(
        default="mask",
        description="what a policy without judgement is to the loss; negative is for comparison only",
    )
    vocabulary: int = Field(default=16_000, ge=300, description="tokens that the tokenizer may learn")
    max_tokens: int = Field(
        default=128, ge=8, description="tokens of a text that are read; the rest is cut off"
    )
    ngram_bits: int = Field(
        default=16, ge=0, le=22, description="log2 of the buckets of a word n-gram; 0 for none"
    )
    width: int = Field(default=64, ge=8, description="features of a token and of an image patch")
    heads: int = Field(default=4, ge=1, description="attention heads; must divide the width")
    layers: int = Field(default=4, ge=1, description="layers of a text encoder that is a transformer")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="share of features dropped in training")
    token_dropout: float = Field(default=0.15, ge=0, lt=1, description="share of tokens hidden in training")
    image_size: int = Field(default=64, ge=32, description="pixels; images are scaled to a square")
    batch_size: int = Field(default=64, ge=1, description="posts in one step")
    epochs: int = Field(default=3, ge=1, description="passes over the training split, more where it is small")
    minimum_steps: int = Field(
        default=450, ge=0, description="small splits are passed over until this many steps"
    )
    learning_rate: float = Field(
        default=2e-3, gt=0, description="highest rate of the encoders and the fusion"
    )
    ngram_penalty: float = Field(
        default=0.25,
        gt=0,
        description="weight of the squared n-gram weights beside the summed loss of the posts",
    )
    ngram_posts: int = Field(
        default=100_000, ge=1, description="posts that n-gram weights are learned from; bounds their memory"
    )
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's decay of encoders and fusion")
    averaging: float = Field(
        default=0.995, ge=0, lt=1, description="decay of the running average of the weights"
    )
    patience: int = Field(
        default=2,
        ge=1,
        description="passes without a better validation before training stops, more where the split is small",
    )
    int8: bool = Field(default=False, description="serve with 8-bit weights where accuracy allows")
    block_rows: int = Field(default=4096, ge=1, description="rows shuffled and sorted by length together")
    checkpoint_steps: int = Field(default=100, ge=1, description="steps between checkpoints")

    @property
    def has_ngrams(self) -> bool:
        """Whether there is a linear model of n-grams beside the encoders."""
        return "text" in self.modalities and self.ngram_bits > 0

    def replace(self, **changes: Any) -> Self:
        """A copy with other values; raises PresetError that names the field and its choices."""
        try:
            return type(self)(**{**self.model_dump(), **changes})
        except ValidationError as error:
            raise PresetError(self._mistake(error)) from None

    def _mistake(self, error: ValidationError) -> str:
        mistake = error.errors()[0]
        field = str(mistake["loc"][0])
        if mistake["type"] == "extra_forbidden":
            return (
                f"preset {self.name} has no field {field!r}; choose from {', '.join(type(self).model_fields)}"
            )
        return f"{field} of preset {self.name} is {mistake['input']!r}: {mistake['msg'].lower()}"


def compact() -> Preset:
    """Two CPU cores, no downloaded weights, minutes."""
    return Preset(name="compact")


def trial() -> Preset:
    """Tries the wiring in seconds; learns only what is plain to see."""
    return compact().replace(
        name="trial",
        epochs=1,
        minimum_steps=100,
        averaging=0.9,
        checkpoint_steps=10,
        vocabulary=4_000,
        ngram_bits=14,
        image_size=32,
    )


def transformer() -> Preset:
    """Reads text with attention: about 5.3 million parameters, served in eight bits where accuracy allows."""
    return compact().replace(
        name="transformer",
        text_encoder="text_transformer",
        vocabulary=8_000,
        width=256,
        heads=4,
        layers=4,
        dropout=0.1,
        learning_rate=5e-4,
        int8=True,
    )


PRESETS = {"compact": compact, "transformer": transformer, "trial": trial}


PRESETS = {"compact": compact, "trial": trial, "transformer": transformer}


def preset_named(given: str, **overrides: Any) -> Preset:
    """A preset by its name, with some fields changed: `compact` or `compact,epochs=5,width=96`.

    Raises UnknownPresetError, PresetError.
    """
    name, *changes = given.split(",")
    if name not in PRESETS:
        raise UnknownPresetError(f"no preset called {name!r}; choose one of: {', '.join(sorted(PRESETS))}")
    return PRESETS[name]().replace(**dict(map(_change, changes)), **overrides)


def _change(given: str) -> tuple[str, str]:
    field, equals, value = given.partition("=")
    if not equals:
        raise PresetError(
            f"{given!r} changes no field of a preset; write field=value, as in compact,epochs=5"
        )
    return field.strip(), value.strip()
