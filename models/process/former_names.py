"""Names that modules had in the release before: homes, parts and scripts of people go on naming them.

A version that MLflow registered then runs its own copy of the code that loads it, a preset names the module of its
encoder, and a project's parts import ours. An import of a former name gives what has its place now, and says so.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES: dict[str, str] = {
    "flows.command_line": "flows.cli",
    "flows.simulated": "flows.demo.simulated",
    "flows.wasteful": "flows.demo.wasteful",
    "infra.client.errors": "infra.client.answers",
    "infra.client.moderation": "infra.client.answers",
    "infra.cluster": "infra.ray.cluster",
    "infra.gateway.answers": "infra.gateway.api.answers",
    "infra.gateway.app": "infra.gateway.api.app",
    "infra.gateway.aside": "infra.gateway.journal.aside",
    "infra.gateway.batching": "infra.gateway.models.batching",
    "infra.gateway.cluster": "infra.ray.serving",
    "infra.gateway.codes": "infra.gateway.auth.codes",
    "infra.gateway.decisions": "infra.gateway.api.decisions",
    "infra.gateway.decoders": "infra.gateway.media.decoders",
    "infra.gateway.docs_page": "infra.gateway.api.docs_page",
    "infra.gateway.documents": "infra.gateway.api.openapi",
    "infra.gateway.doorkeeper": "infra.gateway.auth.authentication",
    "infra.gateway.drift": "infra.gateway.api.drift",
    "infra.gateway.gateway": "infra.gateway.api.gateway",
    "infra.gateway.health": "infra.gateway.api.health",
    "infra.gateway.images": "infra.gateway.media.images",
    "infra.gateway.keys": "infra.gateway.auth.keys",
    "infra.gateway.limits": "infra.gateway.api.limits",
    "infra.gateway.moderations": "infra.gateway.api.moderations",
    "infra.gateway.opening": "infra.gateway.api.opening",
    "infra.gateway.protocol": "infra.gateway.api.protocol",
    "infra.gateway.records": "infra.gateway.journal.records",
    "infra.gateway.remote": "infra.gateway.media.image_fetcher",
    "infra.gateway.route": "infra.gateway.api.route",
    "infra.gateway.rows": "infra.gateway.models.rows",
    "infra.gateway.served": "infra.gateway.models.live_models",
    "infra.gateway.server": "infra.gateway.api.server",
    "infra.gateway.shipping": "infra.gateway.journal.journal_export",
    "infra.gateway.telemetry": "infra.gateway.api.telemetry",
    "infra.gateway.videos": "infra.gateway.media.videos",
    "infra.ingest.landing": "infra.ingest.locations",
    "infra.ingest.places": "infra.ingest.locations",
    "infra.ingest.settling": "infra.ingest.deduplication",
    "infra.ingest.shaping": "infra.ingest.transform",
    "infra.ingest.units": "infra.ingest.chunks",
    "infra.lake.judgements": "infra.lake.conditions",
    "infra.lake.quoting": "infra.lake.conditions",
    "infra.platform.standing": "infra.home",
    "infra.platform.ties": "infra.ties",
    "infra.report.numbers": "infra.report.texts",
    "infra.report.screen": "infra.report.page",
    "infra.report.style": "infra.report.texts",
    "infra.ingest.seen_objects": "infra.ingest.locations",
    "flows.cli.hardware": "models.distributed.resources",
    "infra.rollout.acts": "infra.rollout.commands",
    "infra.rollout.boundary": "infra.rollout.confidence_sequence",
    "infra.rollout.contrast": "infra.rollout.comparison_test",
    "infra.rollout.promises": "infra.rollout.expected_effects",
    "infra.rollout.sample": "infra.rollout.estimate",
    "infra.rollout.unattended": "infra.rollout.abandoned",
    "infra.scoring": "infra.batch_scoring",
    "infra.servers.names": "infra.servers.guard",
    "infra.snapshots.facts": "infra.snapshots.columns",
    "infra.snapshots.sketches": "infra.snapshots.minhash",
    "infra.snapshots.storing": "infra.snapshots.store",
    "infra.snapshots.survey": "infra.snapshots.scan",
    "infra.snapshots.timeline": "infra.snapshots.time_split",
    "infra.snapshots.writing": "infra.snapshots.rows",
    "infra.sources": "infra.ingest.sources",
    "infra.traffic": "infra.load_generator",
    "infra.training": "infra.ray.training",
    "infra.training_worker": "infra.ray.worker",
    "models.announced": "models.domain.announced",
    "models.before": "models.data.first_preprocessing",
    "models.catalogue": "models.domain.catalogue",
    "models.colours": "models.data.colors",
    "models.content": "models.domain.content",
    "models.decoding": "models.data.decoding",
    "models.demuxing": "models.data.demuxing",
    "models.distributed.course": "models.distributed.progress_relay",
    "models.distributed.parent": "models.distributed.messages",
    "models.distributed.ranks": "models.process.ranks",
    "models.encoder": "models.encoders.base.encoder",
    "models.errors": "models.domain.errors",
    "models.evaluation.foretold": "models.bundle.expected_effects",
    "models.evaluation.measurement": "models.evaluation.report",
    "models.evaluation.scored": "models.evaluation.predictions",
    "models.folding": "models.domain.folding",
    "models.frames": "models.data.frames",
    "models.fusion": "models.layers.fusion",
    "models.heap": "models.process.malloc",
    "models.learning_contract": "models.training.contract",
    "models.located": "models.domain.located",
    "models.lora": "models.layers.lora",
    "models.markets": "models.domain.markets",
    "models.motion": "models.layers.motion",
    "models.nearest": "models.domain.nearest",
    "models.ngrams": "models.layers.ngrams",
    "models.objective": "models.objectives.base.objective",
    "models.offline_page": "models.domain.offline_page",
    "models.openclip": "models.encoders.adapters.open_clip",
    "models.packed_transformer": "models.encoders.adapters.packed_transformer",
    "models.packing": "models.layers.packing",
    "models.perceptual_hash": "models.data.perceptual_hash",
    "models.picture_sizes": "models.data.picture_sizes",
    "models.pictures": "models.data.pictures",
    "models.pixels": "models.data.pixels",
    "models.policy": "models.domain.policy",
    "models.policy_changes": "models.domain.policy_changes",
    "models.policy_contract": "models.domain.policy_contract",
    "models.policy_difference": "models.domain.policy_difference",
    "models.policy_file": "models.domain.policy_file",
    "models.preprocessing": "models.domain.preprocessing",
    "models.preset": "models.domain.preset",
    "models.pretrained": "models.encoders.adapters.transformers",
    "models.pretraining.backbone": "models.network.backbone",
    "models.pretraining.backbone_folder": "models.network.backbone_folder",
    "models.pretraining.bootstrapping": "models.pretraining.recaption",
    "models.pretraining.captions": "models.network.captions",
    "models.pretraining.gathering": "models.distributed.gathering",
    "models.pretraining.pupil": "models.pretraining.module",
    "models.pretraining.self_supervised": "models.objectives.base.self_supervised",
    "models.pretraining.syllabus": "models.pretraining.objective_mix",
    "models.pretraining.teacher": "models.objectives.base.teacher",
    "models.project": "models.domain.project",
    "models.prompting.next_token": "models.objectives.base.next_token",
    "models.prompting.prompts": "models.prompting.zero_shot",
    "models.regression": "models.layers.logistic_regression",
    "models.sampling": "models.data.sampling",
    "models.schemas": "models.domain.schemas",
    "models.serving.assembly": "models.bundle.assembly",
    "models.serving.bundle": "models.bundle.bundle",
    "models.serving.export": "models.bundle.export",
    "models.serving.inference": "models.inference.scorer",
    "models.serving.manifest": "models.bundle.manifest",
    "models.serving.precision": "models.inference.precision",
    "models.serving.quantisation": "models.bundle.quantization",
    "models.shapes": "models.process.meta_device",
    "models.snapshot": "models.data.snapshot",
    "models.subword_embedding": "models.layers.subword_embedding",
    "models.temporal": "models.layers.temporal",
    "models.tokenizer": "models.data.tokenizer",
    "models.towers": "models.encoders.base.towers",
    "models.training.average": "models.training.ema",
    "models.training.data": "models.data.loader",
    "models.training.measurement": "models.training.training_cost",
    "models.training.measuring": "models.training.throughput_callback",
    "models.training.memory": "models.training.peak_memory",
    "models.training.optimisation": "models.training.optimization",
    "models.training.peak": "models.training.peak_flops",
    "models.training.respelling": "models.data.respelling",
    "models.training.space": "models.training.search_space",
    "models.video": "models.data.video",
    "models.vision": "models.encoders.adapters.timm",
    "tasks.approval": "tasks.release.approval",
    "tasks.approver": "tasks.release.approver",
    "tasks.bootstrap": "tasks.training.recaption",
    "tasks.budget": "tasks.training.budget",
    "tasks.caching": "tasks.plumbing.caching",
    "tasks.canary": "tasks.release.canary",
    "tasks.compact": "tasks.data.compact",
    "tasks.compare": "tasks.release.compare",
    "tasks.corpus": "tasks.data.corpus",
    "tasks.cross_fit": "tasks.training.cross_fit",
    "tasks.described": "tasks.release.described",
    "tasks.evaluate": "tasks.release.evaluate",
    "tasks.foresee": "tasks.release.foresee",
    "tasks.gate": "tasks.gates.base.gate",
    "tasks.gate_contract": "tasks.gates.base.contract",
    "tasks.handle": "tasks.plumbing.handle",
    "tasks.incumbent": "tasks.training.champion",
    "tasks.ingest": "tasks.data.ingest",
    "tasks.page": "tasks.plumbing.artifacts",
    "tasks.plan": "tasks.training.plan",
    "tasks.policy_set": "tasks.data.policy_set",
    "tasks.pretrain": "tasks.training.pretrain",
    "tasks.progress": "tasks.training.progress",
    "tasks.promote": "tasks.release.promote",
    "tasks.question": "tasks.release.question",
    "tasks.recipe": "tasks.training.pretraining_run",
    "tasks.register": "tasks.release.register",
    "tasks.register_backbone": "tasks.release.register_backbone",
    "tasks.results": "tasks.plumbing.results",
    "tasks.retrying": "tasks.plumbing.retrying",
    "tasks.run": "tasks.training.run",
    "tasks.score": "tasks.scoring.score",
    "tasks.search": "tasks.training.search",
    "tasks.snapshot": "tasks.data.snapshot",
    "tasks.story": "tasks.plumbing.story",
    "tasks.train": "tasks.training.train",
    "tasks.validate": "tasks.training.validate",
    "tasks.watch": "tasks.release.watch",
    "tasks.what_if": "tasks.scoring.what_if",
    "tasks.withdraw": "tasks.release.cancel",
    "tasks.zero_shot": "tasks.scoring.zero_shot",
}

# what lies elsewhere than its module, or has another name
SYMBOLS: dict[str, str] = {
    "infra.training.packed": "infra.ray.parcel.packed",
    "infra.training.unpack": "infra.ray.parcel.unpack",
    "models.encoder.ENCODERS": "models.encoders.ENCODERS",
    "models.objective.NotSupervisedError": "models.objectives.NotSupervisedError",
    "models.objective.OBJECTIVES": "models.objectives.OBJECTIVES",
    "models.objective.judged": "models.data.labels.judged",
    "models.objective.supervised": "models.objectives.supervised",
    "models.objective.vote_weights": "models.data.labels.vote_weights",
    "models.preset.PRESETS": "models.training.presets.PRESETS",
    "models.preset.UnknownPresetError": "models.training.presets.UnknownPresetError",
    "models.preset.preset_named": "models.training.presets.preset_named",
    "models.preset.preset_names": "models.training.presets.preset_names",
    "infra.rollout.promises.Promises": "infra.rollout.expected_effects.ExpectedEffects",
    "models.pretraining.pupil.Pupil": "models.pretraining.module.BackboneInTraining",
    "models.pretraining.self_supervised.Lesson": "models.objectives.base.self_supervised.ObjectiveHead",
    "models.pretraining.syllabus.Syllabus": "models.pretraining.objective_mix.ObjectiveMix",
    "models.serving.quantisation.quantise": "models.bundle.quantization.quantize",
}


def present(name: str) -> str:
    """What a dotted name of a module, or of something in one, is called now; itself where it never changed."""
    if name in SYMBOLS:
        return SYMBOLS[name]
    parts = name.split(".")
    for end in range(len(parts), 1, -1):
        found = MODULES.get(".".join(parts[:end]))
        if found is not None:
            return ".".join((found, *parts[end:]))
    return name


def members_of(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package that a module of its name became: what that held is in `module` now."""
    package = module.rpartition(".")[0]

    def former(name: str) -> Any:
        if name.startswith("__") or importlib.util.find_spec(f"{package}.{name}") is not None:
            raise AttributeError(name)  # what Python asks of any package, or a module of it
        try:
            found = getattr(importlib.import_module(module), name)
        except AttributeError:
            raise AttributeError(f"module {package!r} has no {name!r}") from None
        warnings.warn(f"{package}.{name} is {module}.{name} now", DeprecationWarning, stacklevel=2)
        return found

    return former


class _Former(ModuleType):
    """A module under its former name; it holds nothing, and looks everything up where it is now."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks of any module
            raise AttributeError(name)
        module, _, symbol = present(f"{self.__name__}.{name}").rpartition(".")
        try:
            return getattr(importlib.import_module(module), symbol)
        except (AttributeError, ModuleNotFoundError):
            raise AttributeError(f"module {self.__name__!r}, now {module!r}, has no {name!r}") from None


class _Finder:
    """The last to be asked, for names that nothing has any more."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - Python's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if not (
            _is_there(present(fullname), fullname) or any(name.startswith(f"{fullname}.") for name in MODULES)
        ):
            return None
        return ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type] # by its form

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Former(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        now = present(module.__name__)
        if now != module.__name__:
            importlib.import_module(now)  # whose errors are its own
            warnings.warn(f"{module.__name__} is {now} now", DeprecationWarning, stacklevel=2)


def _is_there(now: str, former: str) -> bool:
    """Whether a name is a former one of a module that there is."""
    try:
        return now != former and importlib.util.find_spec(now) is not None
    except ModuleNotFoundError:  # what would hold it is no package
        return False


def serve() -> None:
    """Let every import find former names; called again, it changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
