"""What a backbone is to learn by: objectives with their weights, checked against what its families can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.domain.errors import UserError
from models.domain.preset import Preset
from models.encoders import ENCODERS
from models.objectives import OBJECTIVES
from models.objectives.base.self_supervised import Need, SelfSupervised

TIMES, PLUS = "*", "+"


class ObjectiveError(UserError):
    """Objectives that cannot be learned by, or not by this preset."""


@dataclass(frozen=True)
class ObjectiveMix:
    """`shares`, the weight of each objective by its name."""

    objectives: tuple[SelfSupervised, ...]
    shares: dict[str, float]

    @property
    def aligns(self) -> bool:
        return any(objective.aligns for objective in self.objectives)

    @property
    def writes(self) -> bool:
        return any("writes" in objective.needs for objective in self.objectives)


def syllabus(preset: Preset, given: Sequence[str], *, teacher: bool = False) -> ObjectiveMix:
    """Of `contrastive`, `contrastive+0.5*captioning` or several of these; raises ObjectiveError where one is not to be
    learned by, its weight is none, or the preset's families cannot do it.
    """
    shares: dict[str, float] = {}
    for part in (part.strip() for text in given for part in text.split(PLUS)):
        name, share = _part(part)
        if name in shares:
            raise ObjectiveError(f"the objective {name!r} is given twice; give it once, with a weight")
        shares[name] = share
    if not shares:
        raise ObjectiveError(f"no objective is given; choose of: {', '.join(choices())}")
    found = {_self_supervised(name): share for name, share in shares.items()}
    for objective in found:
        _able(preset, objective)
    if teacher and not any(objective.taught for objective in found):
        raise ObjectiveError(
            f"a teacher is given, and nothing of {', '.join(shares)} learns from one; leave it out, or choose of: "
            f"{', '.join(entry.name for entry in _entries() if entry.taught)}"
        )
    return ObjectiveMix(tuple(found), {objective.name: share for objective, share in found.items()})


def trainable(preset: Preset, *, begun: bool) -> None:
    """Raises ObjectiveError where nothing would be learned of the encoders; `begun`, whether they have weights."""
    if preset.tuning == "lora" and not begun:
        raise ObjectiveError(
            "tuning=lora adds to weights that have learned already; set weights, or tuning=full to begin from random"
        )
    if preset.tuning == "probe" and (_one_family(preset) or not begun):
        raise ObjectiveError(
            "tuning=probe leaves the encoders as they are; set tuning=full or lora (two families with weights may "
            "learn a space to share)"
        )


def choices() -> list[str]:
    """The names of objectives that learn from posts alone."""
    return [entry.name for entry in _entries()]


def _entries() -> list[SelfSupervised]:
    return [entry for entry in OBJECTIVES.sound() if isinstance(entry, SelfSupervised)]


def _part(text: str) -> tuple[str, float]:
    weight, times, name = text.rpartition(TIMES)
    if not times:
        return text, 1.0
    try:
        share = float(weight)
    except ValueError:
        share = 0.0
    if not 0 < share < float("inf"):
        raise ObjectiveError(
            f"{weight.strip()!r} is no weight of {name.strip()}; write it as in 0.5*{name.strip()}"
        )
    return name.strip(), share


def _self_supervised(name: str) -> SelfSupervised:
    objective = OBJECTIVES[name]
    if not isinstance(objective, SelfSupervised):
        raise ObjectiveError(
            f"the objective {name!r} learns from judgements, as `moderato retrain` does; to learn from posts alone, "
            f"choose of: {', '.join(choices())}"
        )
    return objective


def _able(preset: Preset, objective: SelfSupervised) -> None:
    """Raises ObjectiveError where the preset lacks what the objective needs."""
    has = {"reads": "text" in preset.modalities, "sees": bool({"image", "video"} & {*preset.modalities})}
    for need, modality in (("reads", "text"), ("sees", "image")):
        if need in objective.needs and not has[need]:
            raise ObjectiveError(
                f"{objective.name} needs {modality}, and preset {preset.name} has modalities "
                f"{PLUS.join(preset.modalities)}; set modalities={PLUS.join((*preset.modalities, modality))}"
            )
    missing = [need for need in objective.needs if need in FAMILIAR and not FAMILIAR[need](preset)]
    if missing:
        able = [e.name for e in ENCODERS.sound() if all(FAMILIAR[need](e.preset()) for need in missing)]
        raise ObjectiveError(
            f"{objective.name} needs {WORDS[missing[0]]}, which preset {preset.name} with "
            f"text_encoder={preset.text_encoder} and image_encoder={preset.image_encoder} is not; "
            f"choose one of: {', '.join(able)}"
        )


def _one_family(preset: Preset) -> bool:
    return preset.text_encoder == preset.image_encoder


FAMILIAR: dict[Need, Callable[[Preset], bool]] = {
    "writes": lambda preset: ENCODERS[preset.text_encoder].writes and _one_family(preset),
    "fuses": lambda preset: ENCODERS[preset.text_encoder].fuses and _one_family(preset),
    "bidirectional": lambda preset: "text" in preset.modalities and not ENCODERS[preset.text_encoder].causal,
}
WORDS: dict[Need, str] = {
    "writes": "a family that writes",
    "fuses": "a family that reads with the picture in view",
    "bidirectional": "a family whose tokens see those after them",
}
