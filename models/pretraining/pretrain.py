"""Pre-training: from a corpus of posts without judgements to a folder that holds a backbone; a killed run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from pydantic import Field
from tokenizers import Tokenizer

from models.data.tokenizer import pieces
from models.distributed.job import Job
from models.distributed.launch import launch
from models.distributed.resources import Resources
from models.layers.lora import adapt, merge
from models.network.backbone import Backbone
from models.network.backbone_folder import About, inherited, is_backbone
from models.pretraining.module import BackboneInTraining, Pretraining
from models.pretraining.objective_mix import ObjectiveMix, syllabus, trainable
from models.training.preparation import prepared_tokenizer
from models.training.presets import preset_named
from models.training.run import Launcher, RunReport, TrainingRun, shared_out

BACKBONE_FOLDER = "backbone"
RUN = f"{__name__}:PretrainingRun"


class PretrainingReport(RunReport):
    backbone: Path = Field(description="folder of the backbone")


def pretrain(
    corpus_uri: str,
    *,
    preset: str,
    objectives: Sequence[str],
    seed: int,
    folder: Path,
    storage_options: dict[str, str] | None = None,
    weights: Path | None = None,
    teacher: Path | None = None,
    threads: int = 0,
    resources: Resources = Resources(),
    launcher: Launcher = launch,
    logger: Logger | bool = False,
    callbacks: Sequence[Callback] = (),
    **overrides: Any,
) -> PretrainingReport:
    """Train the encoders of `preset` with `overrides` by the objectives, and leave the backbone in `folder`/backbone.

    An objective may have a weight, and several may be joined: `contrastive+0.5*captioning`. `weights` is the folder
    that the preset's weights were fetched to; `teacher`, that of a backbone which some objectives learn from.
    `resources` and `launcher` are those of `models.training.fit.fit`.

    Run again with the same folder after a kill, it goes on from the last checkpoint and ends with the same weights; a
    finished run returns its report. Raises UserError for a preset, objective, corpus or folder that cannot be.
    """
    chosen = preset_named(preset, **overrides)
    if weights and is_backbone(weights):
        chosen = inherited(chosen, weights)
    syllabus(chosen, objectives, teacher=teacher is not None)
    trainable(chosen, begun=weights is not None)
    job = Job(
        run=RUN, snapshot_uri=corpus_uri, storage_options=storage_options or {}, preset=chosen, seed=seed,
        folder=folder, weights=weights, threads=shared_out(threads, resources), resources=resources,
        more={"objectives": list(objectives), "teacher": teacher and str(teacher)},
    )  # fmt: skip
    PretrainingRun.carry_out(job, launcher, logger, callbacks)
    return PretrainingRun.report(folder)


def check(preset: str, objectives: Sequence[str], *, teacher: bool = False) -> None:
    """Raises the UserError that `pretrain` would raise for these, before any work is done."""
    chosen = preset_named(preset)
    syllabus(chosen, objectives, teacher=teacher)
    trainable(chosen, begun=bool(chosen.weights))


class PretrainingRun(TrainingRun[PretrainingReport]):
    """A backbone that learns from posts alone."""

    made, reports = BACKBONE_FOLDER, PretrainingReport

    def prepared(self) -> Tokenizer:
        return prepared_tokenizer(self.rows, self.preset, self.folder, self.job.weights)

    def module(self, steps: int) -> Pretraining:
        return Pretraining(self._pupil(), self.preset, steps, self.seed)

    def keep(self, folder: Path, trained: int) -> dict[str, float]:
        """Save the backbone of the best weights, and the judge of captions where one was trained."""
        pupil = self._pupil()
        metrics = self.restore(pupil)
        merge(pupil.backbone.towers)
        about = About(
            preset=self.preset,
            objectives=self._syllabus.shares,
            corpus=self.rows.id,
            seed=self.seed,
            steps=trained,
            metrics=metrics,
            aligned=self._syllabus.aligns,
            writes=self._syllabus.writes,
        )
        judge = getattr(pupil.lessons["matching"], "judge", None) if "matching" in pupil.lessons else None
        pupil.backbone.save(folder, self.tokenizer, about, judge=judge)
        return metrics

    def _pupil(self) -> BackboneInTraining:
        token_pieces = torch.from_numpy(pieces(self.tokenizer))
        backbone = Backbone(self.preset, token_pieces, self.job.weights, writes=self._syllabus.writes)
        adapt(backbone.towers, self.preset.tuning, self.preset.lora_rank)
        return BackboneInTraining(backbone, self._syllabus, self.tokenizer, self._teacher)

    @property
    def _syllabus(self) -> ObjectiveMix:
        return syllabus(self.preset, self.job.more["objectives"], teacher=self._teacher is not None)

    @property
    def _teacher(self) -> Path | None:
        return Path(self.job.more["teacher"]) if self.job.more["teacher"] else None
