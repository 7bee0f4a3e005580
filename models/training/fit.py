"""Training: from a snapshot to a folder that holds the exported model; a run that was killed goes on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from pydantic import Field
from tokenizers import Tokenizer

from models.bundle.export import export
from models.distributed.job import Job
from models.distributed.launch import launch
from models.network.network import Network
from models.training.classifier import Classifier
from models.training.preparation import prepare
from models.training.reading import kept_of, with_words
from models.training.run import Launcher, RunReport, TrainingRun

COMPARED = 4  # batches of posts that the export is compared with torch on


class TrainingReport(RunReport):
    model: Path = Field(description="folder of the exported model")


def fit(
    job: Job,
    *,
    launcher: Launcher = launch,
    logger: Logger | bool = False,
    callbacks: Sequence[Callback] = (),
) -> TrainingReport:
    """Train the job's preset on its snapshot and leave the exported model in its folder, under `model`.

    Where it asks for more than one device, training runs in processes that `launcher` starts, while this one waits.
    They share each batch: the preset's batch_size is that of all together, and the loss curve that of one process but
    for rounding, and for dropout, of which each draws its own. (A family with batch normalisation would see the
    statistics of each process's share.)

    Run again after a kill, it goes on from the last checkpoint and ends with the same weights; a finished run returns
    its report. Raises UserError for a snapshot, folder or resources that cannot be.
    """
    ClassifierRun.carry_out(job, launcher, logger, callbacks)
    return ClassifierRun.report(job.folder)


def attempt(
    job: Job,
    *,
    launcher: Launcher = launch,
    logger: Logger | bool = False,
    callbacks: Sequence[Callback] = (),
) -> None:
    """Train like `fit` and export nothing: of an attempt only its validations count, which `callbacks` see."""
    ClassifierRun.carry_out(job.model_copy(update={"attempt": True}), launcher, logger, callbacks)


class ClassifierRun(TrainingRun[TrainingReport]):
    """A network that learns from judgements."""

    made, reports = "model", TrainingReport

    def prepared(self) -> Tokenizer:
        job = self.job
        self.rows = with_words(self.rows, job)
        self.preparation = prepare(
            self.rows, self.preset, self.folder, job.weights, kept_of(job), job.threads
        )
        self.words = self.preparation.words
        # the wide half alone goes by them, and is not trained here
        self.embeddings = {"validation": self.preparation.validation}
        return self.preparation.tokenizer

    def module(self, steps: int) -> Classifier:
        return Classifier(self._network(), self.preset, self.rows.policies, steps, self.seed)

    def keep(self, folder: Path, trained: int) -> dict[str, float]:  # noqa: ARG002 - a model does not name its steps
        """Export the best weights."""
        network = self._network()
        metrics = self.restore(network)
        real = (
            {name: tensor.numpy() for name, tensor in batch.inputs.items()}
            for batch in self.batches("validation")
        )
        export(
            folder,
            network,
            self.tokenizer,
            self.preset,
            self.rows.policies,
            real=islice(real, COMPARED),
            embedder=self.preparation.embedder,
            visual=self.preparation.visual,
            words=self.words,
        )
        return metrics

    def _network(self) -> Network:
        return self.preparation.network(self.preset, len(self.rows.policies))
