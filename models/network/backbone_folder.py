"""What lies in a backbone's folder, and how the towers of a preset begin from it, whatever their family."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import safe_open
from torch import Tensor, nn

from models.domain.errors import UserError
from models.domain.preset import Modality, Preset
from models.encoders.base.encoder import Tower
from models.encoders.base.towers import UnfitWeightsError
from models.process.meta_device import has_values

ABOUT, WEIGHTS, TOKENIZER = "backbone.json", "backbone.safetensors", "tokenizer.json"
JUDGE = (
    "matching.safetensors"  # of one that learned which text belongs to which picture, the head that says so
)
CONFIGURATIONS = "configurations"  # of the weights that it began from, which say how its towers are built
NAMES = ("config.json", "open_clip_config.json")
STRUCTURE = (
    "architecture",
    "width",
    "heads",
    "layers",
    "patch_size",
    "vocabulary",
    "image_size",
    "max_tokens",
)


class NotABackboneError(UserError):
    """A folder that no pre-training wrote."""


class About(BaseModel):
    """What a backbone is, and what it learned from."""

    model_config = ConfigDict(frozen=True)

    preset: Preset
    objectives: dict[str, float] = Field(description="what it learned by, with the weight of each")
    corpus: str = Field(description="id of the posts that it learned from")
    seed: int
    steps: int = 0
    metrics: dict[str, float] = Field(default_factory=dict, description="of the validation posts")
    aligned: bool = Field(default=False, description="whether text and pictures learned to share a space")
    writes: bool = Field(default=False, description="whether it learned to write")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises NotABackboneError where the folder holds none."""
        path = folder / ABOUT
        if not path.exists():
            raise NotABackboneError(
                f"{folder} holds no backbone: {ABOUT} is missing; `moderato pretrain` makes one"
            )
        try:
            return cls.model_validate_json(path.read_text())
        except ValidationError as error:
            mistake = error.errors()[0]
            raise NotABackboneError(
                f"{path}: {'.'.join(map(str, mistake['loc']))}: {mistake['msg'].lower()}"
            ) from None

    @property
    def families(self) -> set[str]:
        """Whose towers it has."""
        return {family_of(self.preset, modality) for modality in self.preset.modalities}


def family_of(preset: Preset, modality: Modality) -> str:
    """The family that a preset reads or sees with."""
    return preset.text_encoder if modality == "text" else preset.image_encoder


def is_backbone(folder: Path | None) -> bool:
    """Whether a folder of weights is one that pre-training wrote."""
    return folder is not None and (folder / ABOUT).exists()


def configuration(folder: Path) -> Path | None:
    """What its towers are built from: a folder of configurations without weights, None where its preset says it all."""
    found = folder / CONFIGURATIONS
    return found if found.is_dir() else None


def keep_configurations(weights: Path | None, folder: Path) -> None:
    """Copy the libraries' configurations of the weights that a backbone began from into its folder."""
    source = configuration(weights) if weights and is_backbone(weights) else weights
    for path in sorted(path for name in NAMES for path in source.rglob(name)) if source else ():
        target = folder / CONFIGURATIONS / path.relative_to(source or path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def inherited(preset: Preset, folder: Path, modalities: Sequence[Modality] | None = None) -> Preset:
    """A preset whose towers are built as the backbone's were; raises UnfitWeightsError where it asks them, for these
    modalities, for what they cannot do.
    """
    theirs, modalities = About.read(folder).preset, modalities or preset.modalities
    if {"image", "video"} & {*modalities} and preset.image_size != theirs.image_size:
        raise UnfitWeightsError(
            f"image_size is {preset.image_size}; the backbone in {folder} sees {theirs.image_size} pixels: "
            f"set image_size={theirs.image_size}"
        )
    if "text" in modalities and preset.max_tokens > theirs.max_tokens:
        raise UnfitWeightsError(
            f"max_tokens is {preset.max_tokens}; the backbone in {folder} reads at most {theirs.max_tokens}: "
            f"set max_tokens={theirs.max_tokens}"
        )
    return preset.replace(**{field: getattr(theirs, field) for field in STRUCTURE})


def unrelated(preset: Preset, folder: Path) -> UnfitWeightsError:
    """What to say where a preset has no family of the backbone's."""
    theirs = About.read(folder).preset
    encoders = (
        f"{'text' if modality == 'text' else 'image'}_encoder={family_of(theirs, modality)}"
        for modality in theirs.modalities
    )
    return UnfitWeightsError(
        f"the backbone in {folder} has no tower of preset {preset.name}: set {' or '.join(dict.fromkeys(encoders))}"
    )


def restore(tower: Tower, name: str, folder: Path, *, whole: bool) -> None:
    """Give a tower the backbone's weights; those that it lacks may be missing where it is not the `whole` tower."""
    missing, _ = tower.load_state_dict(state(folder, f"towers.{name}."), strict=False)
    if whole and missing:
        raise UnfitWeightsError(
            f"the backbone in {folder} does not fit a tower of {name}: it has no {missing[0]}; pre-train it again"
        )


def restore_rest(backbone: nn.Module, folder: Path) -> None:
    """Give a backbone what another has beside its towers, where it is of the same shape."""
    own = backbone.state_dict()
    found = {name: tensor for name, tensor in state(folder, "").items() if not name.startswith("towers.")}
    fitting = {name: t for name, t in found.items() if name in own and own[name].shape == t.shape}
    backbone.load_state_dict(fitting, strict=False)


def state(folder: Path, prefix: str) -> dict[str, Tensor]:
    """Tensors of a backbone whose names begin so, by what follows."""
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        return {
            name.removeprefix(prefix): file.get_tensor(name)
            if has_values()
            else torch.empty(file.get_slice(name).get_shape())
            for name in file.keys()  # noqa: SIM118 - a file, not a dictionary
            if name.startswith(prefix)
        }
