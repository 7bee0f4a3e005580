"""Register a backbone: one version for each, however often the step is repeated."""

from __future__ import annotations

from prefect import task

from infra.markdown import cells, code, plain
from infra.markdown import link as link_to
from infra.registry import Registry
from infra.registry.backbones import BACKBONE, publish_backbone
from infra.registry.runs import NOTE, LifecycleRun
from infra.settings import Settings
from models.domain.preset import Preset
from tasks.plumbing.artifacts import link, run_url, tell
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells
from tasks.training.pretrain import PretrainedBackbone

CORPUS, OBJECTIVES = "moderato.corpus", "moderato.objectives"


class BackboneRelease(Handle):
    """A registered backbone; `address` is what a preset's weights say to begin from it."""

    version: int
    address: str
    key: str
    run_id: str
    aliases: tuple[str, ...]

    def story(self) -> str:
        return f"version {self.version} is {self.address}"


@task(name="register backbone", **PATIENT)
@tells(BackboneRelease.story)
def register(settings: Settings, backbone: PretrainedBackbone) -> BackboneRelease:
    """The backbone's version, with the family's name as its alias; safe to repeat after being killed anywhere."""
    registry, corpus, recipe = Registry(settings), backbone.corpus, backbone.recipe
    note = _note(registry, backbone)
    made = publish_backbone(
        registry, backbone.folder, key=backbone.key, run_id=backbone.run_id, alias=family_of(backbone.preset),
        note=note, tags={CORPUS: corpus.id, OBJECTIVES: "+".join(recipe.objectives), "preset": recipe.preset,
                         "modalities": "+".join(backbone.preset.modalities)},
    )  # fmt: skip
    run = LifecycleRun(registry, backbone.run_id)
    run.describe({}, {NOTE: note, "backbone": made.address})
    run.finish()
    tell("backbone", f"Version {made.version} of `{BACKBONE}`\n\n{note}", "what was registered")
    link("mlflow-run", run_url(registry, backbone.run_id), "MLflow run")
    return BackboneRelease(
        version=made.version, address=made.address, key=made.key, run_id=made.run_id, aliases=made.aliases
    )


def family_of(preset: Preset) -> str:
    """The alias of a preset's backbones: the families that it reads and sees with, once each."""
    read = [preset.text_encoder] if "text" in preset.modalities else []
    seen = [preset.image_encoder] if {"image", "video"} & {*preset.modalities} else []
    return "-".join(dict.fromkeys(name.replace(".", "_") for name in read + seen))


def _note(registry: Registry, backbone: PretrainedBackbone) -> str:
    url, recipe, counts = run_url(registry, backbone.run_id), backbone.recipe, backbone.corpus.counts
    rows = [cells(name, f"{value:.4f}") for name, value in sorted(backbone.metrics.items())]
    made = (
        f"Preset {code(recipe.preset)} by {plain(', '.join(recipe.objectives))} on corpus "
        f"{code(backbone.corpus.id)} of {counts['train']:,} posts, seed {recipe.seed}."
    )
    lines = [
        made,
        f"{link_to('The run', url)} holds its course and its cost." if url else "",
        "\n".join(["| on validation posts | |", "|---|---:|", *rows]) if rows else "",
    ]
    return "\n\n".join(line for line in lines if line)
