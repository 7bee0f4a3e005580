"""The MLflow run of a retraining: found again by the candidate's key after a crash, never started twice."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from infra.registry.registry import Registry
from infra.stopping import at_the_end

if TYPE_CHECKING:
    from lightning.pytorch.loggers import MLFlowLogger
    from mlflow.entities import Run as MlflowRun

KEY = "moderato.candidate"
SEARCH, PRETRAINING = "moderato.search", "moderato.pretraining"  # the keys of runs that make no candidate
PARENT = "mlflow.parentRunId"
TABLES = "mlflow.loggedArtifacts"
NOTE = "mlflow.note.content"  # what people read on the run's page
GONE_ON = "moderato.gone_on_by"  # digest of the code that went on with what a former release began


@dataclass(frozen=True)
class LifecycleRun:
    registry: Registry
    run_id: str

    @classmethod
    def resume_or_start(cls, registry: Registry, key: str, name: str, tag: str = KEY) -> Self:
        """The run whose `tag` is this candidate's key, a new one where there is none."""
        client, experiment = registry.client, registry.experiment_id
        found = client.search_runs([experiment], filter_string=f"tags.`{tag}` = '{key}'", max_results=1)
        tags = {tag: key, **_commit()}
        run = found[0] if found else client.create_run(experiment, tags=tags, run_name=name)
        begun = cls._going_on(registry, run)
        at_the_end(partial(begun.close, "KILLED"))
        return begun

    @classmethod
    def goes_on(cls, registry: Registry, key: str, code: str, tag: str = KEY) -> bool:
        """Whether the run of a former release's candidate is this code's: it is not finished, or was finished by it."""
        query = f"tags.`{tag}` = '{key}'"
        found = registry.client.search_runs([registry.experiment_id], filter_string=query, max_results=1)
        return any(run.info.status != "FINISHED" or run.data.tags.get(GONE_ON) == code for run in found)

    def child(self, name: str) -> Self:
        """The run below this one that holds one step's course; made where it is missing."""
        query = f"tags.`{PARENT}` = '{self.run_id}' and attributes.run_name = '{name}'"
        client, experiment = self.registry.client, self.registry.experiment_id
        found = client.search_runs([experiment], filter_string=query, max_results=1)
        run = found[0] if found else client.create_run(experiment, tags={PARENT: self.run_id}, run_name=name)
        return self._going_on(self.registry, run)

    def finish(self, status: str = "FINISHED") -> None:
        """Say that it came to its end, in one of MLflow's words."""
        self.registry.client.set_terminated(self.run_id, status)

    def close(self, status: str) -> None:
        """Say of this run, and of those below it, that they ended so; nothing of what has come to its own end."""
        client, experiment = self.registry.client, self.registry.experiment_id
        below = client.search_runs([experiment], filter_string=f"tags.`{PARENT}` = '{self.run_id}'")
        for run in (*below, client.get_run(self.run_id)):
            if run.info.status != "FINISHED":  # Lightning calls a course that is stopped failed
                client.set_terminated(run.info.run_id, status)

    @classmethod
    def _going_on(cls, registry: Registry, run: MlflowRun) -> Self:
        """One that was stopped goes on."""
        if run.info.status in ("FAILED", "KILLED"):
            registry.client.update_run(run.info.run_id, status="RUNNING")
        return cls(registry, run.info.run_id)

    @classmethod
    def tagged(cls, registry: Registry, tag: str, value: str) -> list[str]:
        """Ids of the runs that go on and carry this tag."""
        query = f"tags.`{tag}` = '{value}' and attributes.status = 'RUNNING'"
        found = registry.client.search_runs([registry.experiment_id], filter_string=query)
        return [str(run.info.run_id) for run in found]

    def describe(self, parameters: Mapping[str, object], tags: Mapping[str, str]) -> None:
        """Log parameters and tags; saying the same again changes nothing."""
        self.registry.client.log_batch(
            self.run_id,
            params=[Param(name, str(value)) for name, value in parameters.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )

    def use_dataset(self, uri: str, name: str, digest: str) -> None:
        """Name the snapshot as the run's input; MLflow keeps the first 36 characters of its digest."""
        dataset = Dataset(name=name, digest=digest[:36], source_type="lance", source=f'{{"uri": "{uri}"}}')
        tags = [InputTag("mlflow.data.context", "training")]
        self.registry.client.log_inputs(self.run_id, [DatasetInput(dataset, tags)])

    def fail(self) -> None:
        """Say that the retraining stopped before it came to a verdict."""
        self.registry.client.set_terminated(self.run_id, "FAILED")

    def artifacts(self, folder: Path, name: str) -> None:
        """Keep the files of a folder under `name`."""
        self.registry.client.log_artifacts(self.run_id, str(folder), name)

    def artifact(self, path: Path, name: str) -> None:
        """Keep one file under `name`."""
        self.registry.client.log_artifact(self.run_id, str(path), name)

    def tables(self, *paths: str) -> None:
        """Say which artifacts are tables: MLflow's page shows them as such. They hold `columns` and `data`."""
        named = json.dumps([{"path": path, "type": "table"} for path in paths])
        self.describe({}, {TABLES: named})

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log values; what is logged again and again needs a `step` that grows, which MLflow draws it over."""
        now = int(time.time() * 1000)
        self.registry.client.log_batch(
            self.run_id, metrics=[Metric(name, value, now, step) for name, value in values.items()]
        )

    @property
    def age(self) -> int:
        """Seconds since it began, whichever process wrote to it."""
        began: int = self.registry.client.get_run(self.run_id).info.start_time
        return max(0, int(time.time() - began / 1000))

    def logger(self) -> MLFlowLogger:
        """Lightning's logger on this run; without a tracking URI it would write to ./mlruns."""
        from lightning.pytorch.loggers import MLFlowLogger

        return MLFlowLogger(run_id=self.run_id, tracking_uri=self.registry.settings.tracking_uri)

    @contextmanager
    def system_metrics(self, interval: float = 5) -> Iterator[None]:
        """Sample processor, memory, disk and GPU every `interval` seconds."""
        uri = self.registry.settings.tracking_uri
        monitor = SystemMetricsMonitor(
            self.run_id, sampling_interval=interval, resume_logging=True, tracking_uri=uri
        )
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()


def _commit() -> dict[str, str]:
    """The commit of the checkout that this code runs from; empty where it is no checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": found.stdout.strip()}
