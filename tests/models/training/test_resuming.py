"""A training that is stopped at any moment goes on to the result of one that was not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint

from models.distributed.job import Job
from models.pretraining.pretrain import pretrain
from models.training.fit import attempt
from models.training.presets import job_on
from models.training.search import Study, Tried
from models.training.search_space import space
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

pytestmark = pytest.mark.slow
TINY = (
    "compact,modalities=text,vocabulary=300,ngram_bits=0,width=16,batch_size=40,minimum_steps=0,"
    "checkpoint_steps=3,averaging=0.5,learning_rate=0.01"
)
EVENTS = [
    name
    for name in dir(Callback)
    if name.startswith("on_") and not name.endswith(("exception", "checkpoint"))
]
SAVED = ("on_train_batch_end", "on_validation_end", "on_train_epoch_end")


class StopError(BaseException):
    """As Ctrl-C: no error that a library may handle."""


class Early(Callback):
    """Hears every event before a checkpoint may be saved in it, and stops at the one of this number."""

    def __init__(self, events: list[str], stop_at: int) -> None:
        self.events, self.stop_at = events, stop_at

    def hear(self, event: str) -> None:
        self.events.append(event)
        if len(self.events) - 1 == self.stop_at:
            raise StopError


class Late(Checkpoint, Early):
    """Hears those in which a checkpoint is saved, once that is done: Lightning calls savers behind all others."""


def _hears(event: str) -> Callable[..., None]:
    return lambda self, *_, **__: self.hear(event)


def _is_deaf(self: Late, *_: object, **__: object) -> None:
    """Nothing is saved here."""


for event in EVENTS:
    setattr(Early, event, _hears(event))
    setattr(Late, event, _hears(event) if event in SAVED else _is_deaf)


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return write_snapshot(tmp_path_factory.mktemp("snapshot"), made_up_rows(100))


def trained(uri: str, folder: Path, changes: str, stop_at: int = -1) -> list[str]:
    """The events until it was stopped."""
    events: list[str] = []
    with suppress(StopError):
        callbacks = [Early(events, stop_at), Late(events, stop_at)]
        attempt(
            job_on(uri, preset=f"{TINY},{changes}", seed=0, folder=folder, threads=1), callbacks=callbacks
        )
    return events


def learned(folder: Path) -> tuple[int, dict[str, float], dict[str, torch.Tensor]]:
    """The step, the metrics and the weights that a training ended with: those of its last validation, the best."""
    best = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    return best["global_step"], best["metrics"], best["state_dict"]


def same(one: Path, other: Path) -> bool:
    (step, metrics, state), (its_step, its_metrics, its_state) = learned(one), learned(other)
    equal = all(torch.equal(tensor, its_state[name]) for name, tensor in state.items())
    return equal and (step, metrics) == (its_step, its_metrics)


@pytest.mark.parametrize("changes", ["epochs=2", "epochs=1,accumulate=2"])
def test_stopped_at_any_event_it_goes_on_to_the_same_result(uri, tmp_path, changes):
    prepared, whole = tmp_path / "prepared", tmp_path / "whole"
    trained(uri, prepared, changes, stop_at=0)
    events = trained(uri, whole, changes)
    assert {"on_train_start", "on_validation_start", "on_train_epoch_end", "on_fit_end"} < set(events)
    differ = []
    for number, event in enumerate(events):
        folder = tmp_path / str(number)
        shutil.copytree(prepared, folder)
        assert trained(uri, folder, changes, stop_at=number) == events[: number + 1]
        if number % 2:  # in a home that was moved meanwhile
            folder = folder.rename(tmp_path / f"moved {number}")
        trained(uri, folder, changes)
        if not same(folder, whole):
            differ.append((number, event))
    assert not differ


def pretrained(uri: str, folder: Path, stop_at: int = -1) -> list[str]:
    events: list[str] = []
    with suppress(StopError):
        job = job_on(uri, preset=f"{TINY},epochs=2", seed=0, folder=folder, threads=1)
        pretrain(job, ["masked_language"], callbacks=[Early(events, stop_at), Late(events, stop_at)])
    return events


def last_of_each(events: list[str]) -> list[int]:
    """The number of the last event of each name, and of the first of it."""
    return sorted(
        {*(events.index(name) for name in events), *({name: it for it, name in enumerate(events)}.values())}
    )


def test_so_does_a_pretraining(uri, tmp_path):
    prepared, whole = tmp_path / "prepared", tmp_path / "whole"
    pretrained(uri, prepared, stop_at=0)
    events = pretrained(uri, whole)
    differ = []
    for number in last_of_each(events):
        folder = tmp_path / str(number)
        shutil.copytree(prepared, folder)
        pretrained(uri, folder, stop_at=number)
        pretrained(uri, folder)
        if not same(folder, whole):
            differ.append((number, events[number]))
    assert not differ


def test_so_does_a_search_whose_trial_was_stopped(uri, tmp_path):
    def tried(folder: Path, stop_at: int = -1) -> tuple[list[str], Tried | None]:
        events: list[str] = []

        def fit(job: Job, callbacks: list[Callback]) -> None:
            attempt(job, callbacks=[*callbacks, Early(events, stop_at)])

        job = job_on(uri, preset=f"{TINY},epochs=2", seed=0, folder=folder, threads=1)
        study = Study(job, space(job.preset, ["dropout=0,0.1"]))
        with suppress(StopError):
            return events, study.train(study.next(), fit, seconds=600)
        return events, None

    events, whole = tried(tmp_path / "whole")
    said = {"number", "changes", "state", "score", "steps", "epochs"}
    for number in last_of_each(events):
        _, stopped = tried(tmp_path / str(number), stop_at=number)
        assert stopped is None
        _, found = tried(tmp_path / str(number))
        assert found.model_dump(include=said) == whole.model_dump(include=said), events[number]
