"""Pre-training, read like a table of contents: encoders learn from the platform's own posts, judged or not."""

from __future__ import annotations

from typing import cast

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.form import Data
from flows.naming import unless_typed
from flows.pretraining_form import Pretraining, checked
from flows.unfinished import TIDY
from infra.registry.backbones import BACKBONE
from tasks.data.corpus import Corpus, cut, pin
from tasks.plumbing.handle import Handle
from tasks.plumbing.results import RESULTS
from tasks.release.register_backbone import BackboneRelease, register
from tasks.training.pretrain import pretrain as train
from tasks.training.pretraining_run import Recipe, begin
from tasks.training.recaption import bootstrap


class Pretrained(Handle):
    """How a pre-training ended; metrics are those of the corpus' validation posts."""

    corpus: Corpus
    recipe: Recipe
    run_id: str
    metrics: dict[str, float]
    release: BackboneRelease


@unless_typed
def _named() -> str:
    asked, start = flow_run.parameters, flow_run.scheduled_start_time
    return f"{start:%Y-%m-%d %H:%M} {asked['training'].preset} {asked['training'].objectives}"


@flow(name="pretrain", result_serializer=RESULTS, flow_run_name=_named, **TIDY)
def pretrain(data: Data = Data(), training: Pretraining = Pretraining()) -> Pretrained:
    """Posts in, a backbone out that a retraining begins from: weights=models:/moderato-backbone@latest."""
    settings, recipe = checked(data, training), training.recipe
    versions = pin(settings, data.as_of, data.policy_set)
    corpus = cut(settings, versions, data.policy_set, recipe.seed)
    if recipe.bootstrap:
        corpus = bootstrap(settings, corpus, recipe.bootstrap)
    run = begin(settings, corpus, recipe)
    backbone = train(settings, run, corpus, recipe, training.resources)
    release = register(settings, backbone)
    made = Pretrained(
        corpus=corpus, recipe=recipe, run_id=run.run_id, metrics=backbone.metrics, release=release
    )
    return cast("Pretrained", Completed(message=f"Version {release.version} of {BACKBONE}", data=made))
