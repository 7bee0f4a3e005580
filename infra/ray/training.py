"""Training on a Ray cluster: the same code in Ray Train's workers, which go on from a checkpoint after one died.

Workers share no folder with whoever asked: what they need travels with the job, checkpoints go to the storage that
Ray persists them in, and the finished model comes back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.objects import arrow_file_system
from infra.ray.cluster import connected, environment, ray_for
from infra.ray.parcel import RAY, packed, unpack
from infra.settings import Settings
from models.distributed.job import Job
from models.distributed.launch import TrainingFailedError, launch
from models.distributed.messages import Message
from models.distributed.resources import Resources

POLL_SECONDS = 0.2  # seconds between two looks at the course
KEPT_CHECKPOINTS = 2  # checkpoints in Ray's storage


def launcher_for(
    resources: Resources, settings: Settings
) -> Callable[[Job, Callable[[Message], None]], None]:
    """What starts a training's processes: on a cluster where `resources` ask for its workers. Raises NoRayError."""
    return launch_on_ray(settings) if resources.workers else launch


def launch_on_ray(settings: Settings) -> Callable[[Job, Callable[[Message], None]], None]:
    """What `fit` calls to train on the cluster that RAY_ADDRESS names, else on one of our own on this machine.

    Raises NoRayError; and, when called, whatever `hear` raises, and TrainingFailedError.
    """
    ray = ray_for("retrain --workers")

    def launch_there(job: Job, hear: Callable[[Message], None]) -> None:
        with connected(ray, **_own(job)), _driven(ray, settings, job) as (course, done):
            while not ray.wait([done], timeout=POLL_SECONDS)[0]:
                _hand_on(ray, course, hear)
            _hand_on(ray, course, hear)
            try:
                unpack(ray.get(done), job.folder)
            except ray.exceptions.RayTaskError as error:
                raise TrainingFailedError(str(error)) from None

    return launch_there


def _own(job: Job) -> dict[str, Any]:
    """A Ray of our own has a core for each worker, so that none waits for one."""
    cores = max(job.resources.workers * job.threads, os.cpu_count() or 1)
    return {"num_cpus": cores, "log_to_driver": False}


@contextmanager
def _driven(ray: Any, settings: Settings, job: Job) -> Iterator[tuple[Any, Any]]:
    """The course and the end of a run that a task on the cluster drives; it stops when this is left."""
    gpus = ray.cluster_resources().get("GPU", 0) > 0
    told = {"env_vars": {**environment(settings), "RAY_TRAIN_V2_ENABLED": "1"}}
    course = ray.remote(num_cpus=0, runtime_env=told)(_Course).remote()
    storage = settings.training_uri or str(job.folder / RAY)
    driving = ray.remote(num_cpus=0, max_retries=0, runtime_env=told)(_drive)
    done = driving.remote(told_of(job), packed(job.folder), storage, course, gpus=gpus)
    try:
        yield course, done
    finally:
        ray.cancel(done, force=True)


def told_of(job: Job) -> str:
    """A job as a cluster is told of it, which keeps what its tasks are given: workers have keys of their own."""
    return job.without_secrets().model_dump_json()


class _Course:
    """An actor: workers tell it, and whoever asked hears from it."""

    def __init__(self) -> None:
        self._words: list[Message] = []

    def tell(self, word: Message) -> None:
        self._words.append(word)

    def heard(self) -> list[Message]:
        words, self._words = self._words, []
        return words


def _hand_on(ray: Any, course: Any, hear: Callable[[Message], None]) -> None:
    for word in ray.get(course.heard.remote()):
        hear(word)


def _drive(job: str, parcel: bytes, storage: str, course: Any, *, gpus: bool) -> bytes:
    """Run Ray's trainer to its end; the files of the finished run."""
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    known, settings = Job.model_validate_json(job), Settings()
    path, filesystem = arrow_file_system(settings, storage)
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job, "parcel": parcel, "course": course},
        scaling_config=ScalingConfig(
            num_workers=known.resources.workers,
            use_gpu=gpus,
            resources_per_worker={"CPU": known.threads, **({"GPU": 1} if gpus else {})},
        ),
        run_config=RunConfig(
            name=f"moderato-{known.folder.name}",
            storage_path=path,
            storage_filesystem=filesystem,
            failure_config=FailureConfig(max_failures=known.resources.restarts),
            checkpoint_config=CheckpointConfig(num_to_keep=KEPT_CHECKPOINTS),
        ),
    )
    with trainer.fit().checkpoint.as_directory() as folder:
        return packed(Path(folder))


def _work(config: dict[str, Any]) -> None:
    """A worker's part; only workers load what trains."""
    from infra.ray.worker import work

    work(config)
