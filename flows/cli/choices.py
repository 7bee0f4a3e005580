"""What can be chosen: listed in the help where it is chosen, and offered when Tab is pressed.

Names are those of files: what stands behind them takes seconds to import, and is not.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from models.distributed.resources import TrainingOptions
from models.domain.catalogue import Catalogue

if TYPE_CHECKING:
    from cyclopts.completion import CompletionContext

PRESETS = (
    "compact",
    "pretrained",
    "pretrained_video",
    "trial",
    "transformer",
    "video",
)  # models.training.presets.PRESETS; families bring one each
PLANS = ("steady", "brief")  # infra.rollout.PLANS
ENTRIES = (".py", ".toml", ".yaml", ".yml")  # files of catalogues
SUPERVISED = ("asymmetric", "focal")  # objectives of a retraining
ALIASES = ("champion", "challenger")


def files(package: str, constant: str, folder: str = "") -> list[str]:
    """Names that a catalogue's files announce: those of its package, of the project, and of packages installed."""
    top, *rest = package.split(".")
    (root,) = import_module(top).__path__
    house = {path.stem for path in Path(root, *rest).iterdir() if path.suffix in ENTRIES} - {"__init__"}
    data = dict.fromkeys(ENTRIES[1:], str) if folder else {}
    own: Catalogue[Any] = Catalogue(None, constant, object, folder, data)
    return sorted({*house, *own.names()})


def presets() -> list[str]:
    families = [name for name in files("models.encoders", "ENCODER") if name not in PRESETS]
    own: Catalogue[Any] = Catalogue(None, "PRESET", object)
    return [*PRESETS, *own.names(), *families]


def policy_sets() -> list[str]:
    return files("models.policies", "POLICY_SET", "policies")


def plans() -> list[str]:
    own: Catalogue[Any] = Catalogue(None, "PLAN", object)
    return [*PLANS, *own.names()]


def guardrails() -> list[str]:
    return files("infra.rollout.guardrails", "GUARDRAIL")


def sources() -> list[str]:
    return files("infra.ingest.sources", "SOURCE", "sources")


def lessons() -> list[str]:
    """Objectives that learn from posts without judgements."""
    return [name for name in files("models.objectives", "OBJECTIVE") if name not in SUPERVISED]


def listed(names: list[str]) -> str:
    return ", ".join(names)


def _preset(context: CompletionContext) -> list[str]:
    """Presets; behind a comma the fields that can be changed."""
    chosen, comma, _ = context.incomplete.rpartition(",")
    if not comma:
        return presets()
    from models.domain.preset import Preset

    return [f"{chosen},{name}=" for name in Preset.model_fields if name != "name"]


def _policies() -> list[str]:
    """Of every set: which one is meant may stand further on."""
    from models.policies import POLICY_SETS

    return sorted({policy for known in POLICY_SETS for policy in known.keys})


PRESET = Parameter(
    help=f"model preset: {listed(presets())}; fields are changed behind its name, as in compact,epochs=5; "
    "the setting's when not given",
    completer=_preset,
)
PolicySetName = Annotated[
    str | None,
    Parameter(
        help=f"policy set: {listed(policy_sets())}; the setting's when not given",
        completer=lambda _: policy_sets(),
    ),
]
PlanName = Annotated[
    str | None,
    Parameter(
        help=f"plan of the canary: {listed(plans())}; the setting's when not given",
        completer=lambda _: plans(),
    ),
]
SourceName = Annotated[
    str, Parameter(help=f"what the files are: {listed(sources())}", completer=lambda _: sources())
]
Options = Annotated[TrainingOptions, Parameter(name="*", show_default=lambda _: "the setting's")]
POLICY = Parameter(help="one policy of the set; all of them when not given", completer=lambda _: _policies())
VERSION = Parameter(help="champion, challenger or a version's number", completer=lambda _: ALIASES)
