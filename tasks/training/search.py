"""Search for a better preset: every trial a child run below the search's own, in bounds of minutes and money."""

from __future__ import annotations

from typing import Literal

from filelock import FileLock, Timeout
from lightning.pytorch.callbacks import Callback
from prefect import task

from infra.markdown import cells, code, plain
from infra.registry import Registry
from infra.registry.runs import NOTE, LifecycleRun
from infra.settings import Settings
from models.distributed.job import Job
from models.distributed.resources import Resources
from models.domain.errors import UserError
from models.training.search import Fit, Study, Tried
from models.training.search_space import space
from tasks.data.snapshot import Snapshot
from tasks.plumbing.artifacts import tell
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import say, tells
from tasks.training.budget import HOUR, Budget
from tasks.training.run import Run

STATE, CHANGES = "moderato.trial", "moderato.changes"
ENDS = {"complete": "FINISHED", "pruned": "KILLED", "stopped": "KILLED", "failed": "FAILED"}
MAX_TABLE_TRIALS = 15  # trials in a table
Why = Literal["out of its budget", "as many trials as asked for", "everything was tried"]


class SearchInProgressError(UserError):
    """Another process runs this very search."""


class Asked(Handle):
    """What is searched: over which values of the run's preset, within which budget."""

    over: tuple[str, ...]
    budget: Budget
    resources: Resources = Resources()


class Found(Handle):
    """What a search came to; `preset` is the best one as `moderato retrain` takes it, None where none was judged."""

    run_id: str
    preset: str | None
    score: float | None
    trials: tuple[Tried, ...]
    seconds: float
    price: float  # of what was spent; 0 where no price is set
    ended: Why

    def story(self) -> str:
        return self.told

    @property
    def told(self) -> str:
        """In a line for people."""
        best = f"{self.score:.3f} with {self.preset}" if self.preset else "no trial was judged"
        return f"{best}; {len(self.trials)} trials, {self.ended}"


@task(name="search", **PATIENT)
@tells(Found.story)
def search(settings: Settings, run: Run, snapshot: Snapshot, asked: Asked) -> Found:
    """Try presets on the snapshot until the budget is out; one that was killed goes on with the trial it was at."""
    job = run.job(settings, snapshot.uri, settings.work / "searches" / run.key[:16], asked.resources)
    try:
        with FileLock(job.folder / "lock", timeout=0):
            study = Study(job, space(job.preset, asked.over))
            ended = _try_out(settings, run, asked, study)
    except Timeout:
        raise SearchInProgressError(
            f"another process runs search {run.key[:16]}; wait for it, or stop it and run this again"
        ) from None
    return _told(settings, run, study, asked, ended)


def _try_out(settings: Settings, run: Run, asked: Asked, study: Study) -> Why:
    parent = LifecycleRun(Registry(settings), run.run_id)
    bound = asked.budget.seconds(settings.device_hour_price * asked.resources.processes)
    while study.seconds < bound:
        if asked.budget.trials and study.finished >= asked.budget.trials:
            return "as many trials as asked for"
        trial = study.next()
        if trial is None:
            return "everything was tried"
        course = parent.child(f"trial {trial.number}")
        changes = study.changes(trial)
        course.describe(dict(change.split("=", 1) for change in changes.split(",")), {CHANGES: changes})
        tried = study.train(trial, _fitting(settings, course), bound - study.seconds)
        _log(course, tried)
        _say(tried)
    return "out of its budget"


def _fitting(settings: Settings, course: LifecycleRun) -> Fit:
    def fit(job: Job, callbacks: list[Callback]) -> None:
        from infra.ray.training import launcher_for
        from models.training.fit import attempt

        launcher = launcher_for(job.resources, settings)
        attempt(job, launcher=launcher, logger=course.logger(), callbacks=callbacks)

    return fit


def _log(course: LifecycleRun, tried: Tried) -> None:
    figures = {"seconds": tried.seconds, "steps": tried.steps, "epochs": tried.epochs, "score": tried.score}
    course.metrics({name: value for name, value in figures.items() if value is not None})
    course.describe({}, {STATE: tried.state, **({NOTE: plain(tried.why)} if tried.why else {})})
    course.finish(ENDS[tried.state])


def _say(tried: Tried) -> None:
    """A line for the person at the terminal, and for the run's page."""
    figure = tried.why if tried.score is None else f"{tried.score:.3f}"
    say(f"trial {tried.number}: {tried.changes}, {tried.state}, {figure} after {tried.seconds:.0f} s")


def _told(settings: Settings, run: Run, study: Study, asked: Asked, ended: Why) -> Found:
    """What the search came to, also on the run's pages."""
    best, log = study.best(), LifecycleRun(Registry(settings), run.run_id)
    found = Found(
        run_id=run.run_id,
        preset=f"{run.given},{best.changes}" if best else None,
        score=best.score if best else None,
        trials=tuple(study.tried()),
        seconds=study.seconds,
        price=study.seconds / HOUR * settings.device_hour_price * asked.resources.processes,
        ended=ended,
    )
    figures = {
        "trials": len(found.trials),
        "seconds": found.seconds,
        "price": found.price,
        "score": found.score,
    }
    log.metrics({name: value for name, value in figures.items() if value is not None})
    text = f"{_best(found)}\n\n{table(found)}"
    log.describe({}, {NOTE: text})
    log.finish()
    tell("search", text, "The best trials first")
    return found


def _best(found: Found) -> str:
    if found.preset is None:
        return f"No trial was judged: {found.ended}."
    return f"**{found.score:.3f}**: {code(f'moderato retrain --preset {found.preset}')}"


def table(found: Found) -> str:
    """The best trials first, as Markdown."""
    order = sorted(found.trials, key=lambda it: (it.state != "complete", -(it.score or 0), it.number))
    lines = ["| trial | changes | score | state | passes | seconds |", "|---|---|---|---|---|---|"]
    for it in order[:MAX_TABLE_TRIALS]:
        score = it.why if it.score is None else f"{it.score:.3f}"
        lines.append(cells(it.number, it.changes, score, it.state, it.epochs, f"{it.seconds:.0f}"))
    if len(order) > MAX_TABLE_TRIALS:
        lines.append(f"\n{len(order) - MAX_TABLE_TRIALS} more are in the run's child runs.")
    return "\n".join(lines)
