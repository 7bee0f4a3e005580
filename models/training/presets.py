"""Presets by their names: the house's own, those of families of encoders, and a project's."""

from __future__ import annotations

from typing import Any

from models.distributed.job import Job
from models.domain.catalogue import Catalogue, UnknownEntryError
from models.domain.nearest import choose
from models.domain.preset import (
    TRIAL,
    Preset,
    PresetError,
    compact,
    pretrained,
    pretrained_video,
    transformer,
    trial,
    video,
)
from models.readers import READERS


class UnknownPresetError(UnknownEntryError):
    """A preset that does not exist."""


PRESETS = Catalogue(
    None,
    "PRESET",
    Preset,
    made={
        "compact": compact,
        "pretrained": pretrained,
        "pretrained_video": pretrained_video,
        TRIAL: trial,
        "transformer": transformer,
        "video": video,
    },
    unknown=UnknownPresetError,
)


def preset_named(given: str, **overrides: Any) -> Preset:
    """A preset by its name, with some fields changed: `compact` or `compact,epochs=5,width=96`.

    Beside the house's own, each family of encoders brings one by its name. Raises UnknownPresetError, PresetError, and
    UnknownEntryError for readers that there are not.
    """
    name, *changes = given.split(",")
    found = _made(name).replace(**dict(map(_change, changes)), **overrides)
    check_readers(found)
    return found


def check_readers(preset: Preset) -> None:
    """Raises UnknownEntryError, and PresetError where nothing would look at what they read."""
    for name in preset.reads:
        READERS[name]
    if preset.reads and "text" not in preset.modalities:
        raise PresetError(
            f"reads={'+'.join(preset.reads)} of preset {preset.name} adds words to a post's text, and its "
            f"modalities are {'+'.join(preset.modalities)}; add text to them, or leave reads empty"
        )


def job_on(snapshot_uri: str, *, preset: str, **given: Any) -> Job:
    """A training as people ask for it: the preset by its name, the job's fields and changes of the preset by theirs."""
    own = {name: given.pop(name) for name in Job.model_fields.keys() & given.keys()}
    return Job(snapshot_uri=snapshot_uri, preset=preset_named(preset, **given), **own)


def _made(name: str) -> Preset:
    if name in PRESETS:
        return PRESETS[name]
    from models.encoders import ENCODERS  # which brings torch

    if name not in ENCODERS:
        raise UnknownPresetError(f"no preset called {name!r}; {choose(name, preset_names())}")
    return ENCODERS[name].preset()


def preset_names() -> list[str]:
    """Every name that `preset_named` takes, told without what stands behind them, which takes seconds to import."""
    families: Catalogue[Any] = Catalogue("models.encoders", "ENCODER", object)
    return sorted({*PRESETS.names(), *families.names()})


def _change(given: str) -> tuple[str, str]:
    field, equals, value = given.partition("=")
    if not equals:
        raise PresetError(
            f"{given!r} changes no field of a preset; write field=value, as in compact,epochs=5"
        )
    return field.strip(), value.strip()
