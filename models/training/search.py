"""Search for a better preset: trials proposed by a Parzen estimator, stopped early, remembered across kills.

Proposals are those of the tree-structured Parzen estimator (Bergstra et al. 2011, section 4), after a few random ones
and the preset's own values. Trials that are behind are stopped by asynchronous successive halving (Li et al. 2020,
algorithm 2). Both go by the score that early stopping and the best checkpoint go by.
"""

# ruff: noqa: ARG002 - Lightning calls hooks with every argument

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import lightning.pytorch as pl
import numpy as np
import optuna
from lightning.pytorch.callbacks import Callback
from optuna.pruners import SuccessiveHalvingPruner
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel, ConfigDict, Field

from models.distributed.job import Job
from models.domain.errors import UserError
from models.training.classifier import SCORE
from models.training.search_space import Axis

RANDOM = 6  # trials before the estimator proposes
FIRST_LOOK, KEPT = 25, 3  # trials are compared after this percentage of a training; one in so many goes on
WHOLE = 100
NOTED = 5.0  # seconds between two notes of how far a trial is: what a kill may cost the budget
MAX_FAILURES_IN_A_ROW = 3  # failed trials in a row, after which a search gives up
REACHED, TWIN, WHY = "reached", "twin", "why"  # what the study remembers of a trial beside its values

Fit = Callable[[Job, list[Callback]], None]
"""Trains a job with these callbacks, going on where it was stopped."""


class SearchFailedError(UserError):
    """A search of which no trial can be trained."""


class BudgetSpent(Exception):  # noqa: N818 - no error: it ends a training from within
    """The budget is out while a trial trains."""


class Reached(NamedTuple):
    """How far a trial came; `score` is its best validation, None before the first."""

    seconds: float = 0.0
    steps: int = 0
    epochs: int = 0
    score: float | None = None


class Tried(BaseModel):
    """A trial; one that is stopped ran out of the budget and goes on where the search is given more."""

    model_config = ConfigDict(frozen=True)

    number: int
    changes: str = Field(description="what it changes of the preset: learning_rate=0.001,dropout=0.1")
    state: Literal["complete", "pruned", "stopped", "failed"]
    score: float | None = Field(description="best validation score; None before the first validation")
    steps: int
    epochs: int
    seconds: float
    why: str = Field(default="", description="of a failed trial")


class Referee(Callback):
    """Tells the study of each validation, and ends the training where the study or the clock says so.

    Never within a validation, in which the running average stands in for the weights: a checkpoint of then would
    confuse the two.
    """

    def __init__(self, trial: optuna.Trial, seconds: float) -> None:
        self._trial = trial
        self.reached = Reached(*trial.user_attrs.get(REACHED, ()))
        self._since = time.monotonic() - self.reached.seconds
        self._end, self._noted = self.reached.seconds + seconds, self.reached.seconds

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.note(steps=trainer.global_step)
        if self.reached.seconds > self._end and not trainer.is_last_batch:
            raise BudgetSpent

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        score, passes = float(trainer.callback_metrics[SCORE]), trainer.current_epoch + 1
        best = score if self.reached.score is None else max(score, self.reached.score)
        self._noted = -math.inf
        self.note(steps=trainer.global_step, epochs=passes, score=best)
        share = round(WHOLE * passes / (trainer.max_epochs or passes))
        if share not in self._trial.storage.get_trial(self._trial._trial_id).intermediate_values:  # noqa: SLF001
            self._trial.report(best, share)
        if share < WHOLE and self._trial.should_prune():
            raise optuna.TrialPruned
        if share < WHOLE and self.reached.seconds > self._end:
            raise BudgetSpent

    def note(self, **changes: Any) -> None:
        """Remember how far it is, every few seconds."""
        self.reached = self.reached._replace(seconds=time.monotonic() - self._since, **changes)
        if self.reached.seconds - self._noted >= NOTED:
            self.remember()

    def remember(self) -> None:
        self._noted = self.reached.seconds
        self._trial.set_user_attr(REACHED, self.reached)


class Study:
    """The trials of one search around a job, in its folder; opened again after a kill it knows them all.

    SQLite rather than a journal file, which a kill between two bytes would leave unreadable.
    """

    def __init__(self, job: Job, axes: Sequence[Axis]) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.job, self.axes = job, axes
        self._study = optuna.create_study(
            storage=f"sqlite:///{job.folder / 'study.db'}",
            study_name="search",
            load_if_exists=True,
            direction="maximize",
            pruner=SuccessiveHalvingPruner(min_resource=FIRST_LOOK, reduction_factor=KEPT),
        )
        if not self._study.trials:
            own = {axis.field: axis.holds(getattr(job.preset, axis.field)) for axis in axes}
            self._study.enqueue_trial({field: value for field, value in own.items() if value is not None})

    def tried(self) -> list[Tried]:
        """What was trained so far, in order; one that was cut off counts as stopped."""
        return [_tried(trial, self.axes) for trial in self._trials() if REACHED in trial.user_attrs]

    def best(self) -> Tried | None:
        """The complete trial of the highest score; where none is complete, that of the others."""
        scored = [trial for trial in self.tried() if trial.score is not None and trial.state != "failed"]
        return max(scored, key=lambda it: (it.state == "complete", it.score), default=None)

    @property
    def seconds(self) -> float:
        """Spent on all trials."""
        return sum(trial.seconds for trial in self.tried())

    @property
    def finished(self) -> int:
        return sum(trial.state != "stopped" for trial in self.tried())

    def next(self) -> optuna.Trial | None:
        """The trial that was cut off, else a new one that differs from all before; None where there is none left.

        What it proposes depends on the seed and on the trials before, not on how often the search was killed.
        """
        self._give_up()
        if cut_off := self._cut_off():
            return self._proposed(optuna.Trial(self._sampling(cut_off.number), cut_off._trial_id))  # noqa: SLF001
        known = {_changes(trial.params, self.axes) for trial in self._trials()}
        if len(known) >= math.prod(axis.size for axis in self.axes):
            return None
        while self.changes(trial := self._asked()) in known:
            trial.set_user_attr(TWIN, value=True)
            self._study.tell(trial, state=TrialState.FAIL)
            self._study.enqueue_trial(self._unknown(known))
        return trial

    def changes(self, trial: optuna.Trial) -> str:
        """What a trial changes, as it is written behind a preset's name."""
        return _changes(trial.params, self.axes)

    def train(self, trial: optuna.Trial, fit: Fit, seconds: float) -> Tried:
        """Train a trial for so many seconds at most, and remember what became of it."""
        referee, folder = Referee(trial, seconds), self.job.folder / f"trial-{trial.number}"
        try:
            preset = self.job.preset.replace(**_values(trial.params, self.axes))
            fit(self.job.model_copy(update={"preset": preset, "folder": folder}), [referee])
        except BudgetSpent:
            referee.remember()
            return self._found(trial)
        except optuna.TrialPruned:
            self._end(trial, referee, TrialState.PRUNED)
        except (ValueError, RuntimeError, AssertionError) as error:  # of this combination: the next may train
            trial.set_user_attr(WHY, f"{type(error).__name__}: {error}".splitlines()[0])
            self._end(trial, referee, TrialState.FAIL)
        else:
            self._end(trial, referee, TrialState.COMPLETE)
        shutil.rmtree(folder, ignore_errors=True)
        return self._found(trial)

    def _end(self, trial: optuna.Trial, referee: Referee, state: TrialState) -> None:
        referee.note()
        referee.remember()
        score = referee.reached.score
        if state == TrialState.COMPLETE and (score is None or not math.isfinite(score)):
            trial.set_user_attr(WHY, "its validation score is not a number")
            state = TrialState.FAIL
        self._study.tell(trial, score if state == TrialState.COMPLETE else None, state)

    def _found(self, trial: optuna.Trial) -> Tried:
        return next(it for it in self.tried() if it.number == trial.number)

    def _trials(self) -> list[FrozenTrial]:
        """All that were proposed, without those that were proposed before."""
        fields = {axis.field for axis in self.axes}
        return [it for it in self._study.trials if fields <= it.params.keys() and TWIN not in it.user_attrs]

    def _cut_off(self) -> FrozenTrial | None:
        running = self._study.get_trials(states=(TrialState.RUNNING,))
        return next((trial for trial in running if TWIN not in trial.user_attrs), None)

    def _asked(self) -> optuna.Trial:
        begun = [trial for trial in self._study.trials if trial.state != TrialState.WAITING]
        return self._proposed(self._sampling(len(begun)).ask())

    def _proposed(self, trial: optuna.Trial) -> optuna.Trial:
        """The trial with a value for each axis; those that it has stay."""
        for axis in self.axes:
            axis.suggest(trial)
        return trial

    def _sampling(self, number: int) -> optuna.Study:
        seed = np.random.SeedSequence([self.job.seed, number]).generate_state(1)[0]
        self._study.sampler = TPESampler(seed=int(seed), n_startup_trials=RANDOM)
        return self._study

    def _unknown(self, known: set[str]) -> dict[str, Any]:
        rng = np.random.default_rng([self.job.seed, len(self._study.trials)])
        while True:
            drawn = {axis.field: axis.draw(rng) for axis in self.axes}
            if _changes(drawn, self.axes) not in known:
                return drawn

    def _give_up(self) -> None:
        last = self.tried()[-MAX_FAILURES_IN_A_ROW:]
        if len(last) == MAX_FAILURES_IN_A_ROW and all(trial.state == "failed" for trial in last):
            raise SearchFailedError(
                f"{len(last)} trials failed one after another, the last with {last[-1].changes}: {last[-1].why}"
            )


def _tried(trial: FrozenTrial, axes: Sequence[Axis]) -> Tried:
    reached = Reached(*trial.user_attrs[REACHED])
    states: dict[TrialState, Literal["complete", "pruned", "failed"]] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    return Tried(
        number=trial.number,
        changes=_changes(trial.params, axes),
        state=states.get(trial.state, "stopped"),
        why=trial.user_attrs.get(WHY, ""),
        **reached._asdict(),
    )


def _changes(values: Mapping[str, Any], axes: Sequence[Axis]) -> str:
    return ",".join(f"{field}={value}" for field, value in _values(values, axes).items())


def _values(values: Mapping[str, Any], axes: Sequence[Axis]) -> dict[str, str]:
    """As they are written behind a preset's name, so that a trial learns what `moderato retrain` with them would."""
    return {axis.field: axis.written(values[axis.field]) for axis in axes}
