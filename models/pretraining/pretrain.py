"""Pre-training: from a corpus of posts without judgements to a folder that holds a backbone; a killed run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from pydantic import Field
from tokenizers import Tokenizer

from models.data.tokenizer import pieces
from models.distributed.job import Job
from models.distributed.launch import launch
from models.domain.preset import Preset
from models.layers.lora import adapt, merge
from models.network.backbone import Backbone
from models.network.backbone_folder import About, inherited, is_backbone
from models.pretraining.module import BackboneInTraining, Pretraining
from models.pretraining.objective_mix import ObjectiveMix, syllabus, trainable
from models.training.preparation import prepared_tokenizer
from models.training.run import Launcher, RunReport, TrainingRun

BACKBONE_FOLDER = "backbone"


class PretrainingReport(RunReport):
    backbone: Path = Field(description="folder of the backbone")


def pretrain(
    job: Job,
    objectives: Sequence[str],
    teacher: Path | None = None,
    *,
    launcher: Launcher = launch,
    logger: Logger | bool = False,
    callbacks: Sequence[Callback] = (),
) -> PretrainingReport:
    """Train the encoders of the job's preset by the objectives, and leave the backbone in its folder, under `backbone`.

    An objective may have a weight, and several may be joined: `contrastive+0.5*captioning`. `teacher` is the folder of
    a backbone which some objectives learn from; `launcher` is that of `models.training.fit.fit`.

    Run again after a kill, it goes on from the last checkpoint and ends with the same weights; a finished run returns
    its report. Raises UserError for an objective, corpus, folder or resources that cannot be.
    """
    preset = job.preset
    if job.weights and is_backbone(job.weights):
        preset = inherited(preset, job.weights)
    syllabus(preset, objectives, teacher=teacher is not None)
    trainable(preset, begun=job.weights is not None)
    more = {"objectives": list(objectives), "teacher": teacher and str(teacher)}
    job = job.model_copy(update={"preset": preset, "more": more})
    PretrainingRun.carry_out(job, launcher, logger, callbacks)
    return PretrainingRun.report(job.folder)


def check(preset: Preset, objectives: Sequence[str], *, teacher: bool = False) -> None:
    """Raises the UserError that `pretrain` would raise for these, before any work is done."""
    syllabus(preset, objectives, teacher=teacher)
    trainable(preset, begun=bool(preset.weights))


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
