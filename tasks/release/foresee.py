"""What a retraining would do, step by step, before any of it runs."""

from __future__ import annotations

from datetime import datetime

from infra.lake import open_lake
from infra.rollout import Store, champion_or_none, plan_named
from infra.settings import Settings
from infra.snapshots import CutSnapshot, cut_snapshot, pin_versions
from infra.weights import fetch
from models.data.snapshot import SnapshotRows
from models.distributed.resources import Resources
from models.domain.preset import Preset
from models.evaluation.sufficiency import Tally
from models.planning.plan import TrainingPlan, plan
from models.policies import POLICY_SETS
from models.training.cross_fit import is_worth_it
from models.training.presets import preset_named
from tasks.gates import GATES
from tasks.plumbing.handle import Handle


class Foreseen(Handle):
    """A step by its name; `seconds` is None where it takes little, or as long as traffic and people take."""

    step: str
    detail: str
    seconds: float | None = None


class Foresight(Handle):
    """`counts` are posts by split, `left_out` posts of the lake by why they are in none; `seconds` are of training."""

    preset: str
    policy_set: str
    counts: dict[str, int]
    left_out: dict[str, int]
    steps: tuple[Foreseen, ...]
    warnings: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return sum(step.seconds or 0.0 for step in self.steps)


def foresee(
    settings: Settings,
    *,
    policy_set: str,
    preset: str,
    seed: int,
    rollout: str,
    canary: bool,
    resources: Resources = Resources(),
    as_of: datetime | None = None,
    early: str = "",
) -> Foresight:
    """The steps of a retraining on the lake as it stands, whose snapshot is cut and a few of whose batches are timed.

    Nothing is trained, and no run, model or decision is written. `early` is why it would end with registration, empty
    where it would not; `rollout` the plan of its canary; `resources` on how much it trains. Raises
    UserError, as the retraining would.
    """
    lake, chosen = open_lake(settings), preset_named(preset)
    made = cut_snapshot(
        lake, pin_versions(lake, as_of), POLICY_SETS[policy_set], seed, settings.work / "snapshots"
    )
    training = _training(settings, made, chosen, resources)
    champion = champion_or_none(Store(settings))
    beside = f"beside champion {champion.version}" if champion else "nobody decides yet"
    steps = [
        Foreseen(step="snapshot", detail=_counts(made.counts)),
        Foreseen(step="validate", detail="what the data must look like; a critical finding stops the run"),
        *_reading(chosen, training),
        Foreseen(
            step="train",
            detail=f"{training.preset}: {training.epochs} passes at most over {training.posts:,} posts on "
            f"{_devices(training)}, {training.items_per_second:,.0f} posts a second",
            seconds=training.seconds,
        ),
        _cross_fit(settings, made, policy_set, chosen, training),
        Foreseen(step="evaluate", detail=f"{beside}; gates: {', '.join(GATES.names())}"),
        Foreseen(
            step="register", detail=early or "as the challenger" if champion else early or "as a version"
        ),
    ]
    if not early:
        steps.append(_end(rollout, climbs=canary and champion is not None))
    return Foresight(
        preset=preset,
        policy_set=policy_set,
        counts=made.counts,
        left_out={why: count for why, count in made.dropped.items() if count},
        steps=tuple(steps),
        warnings=training.warnings,
    )


def _training(
    settings: Settings, made: CutSnapshot, chosen: Preset, resources: Resources = Resources()
) -> TrainingPlan:
    weights = fetch(settings, chosen.weights)
    return plan(
        chosen,
        rows=SnapshotRows.open(made.uri, settings.options_for(made.uri)),
        weights=weights.folder if weights else None,
        devices=resources.processes,
        strategy=resources.strategy,
        price=settings.device_hour_price,
        threads=settings.threads,
    )


def _reading(chosen: Preset, training: TrainingPlan) -> list[Foreseen]:
    if not training.reading_seconds:
        return []
    detail = f"{' and '.join(chosen.reads)} in what posts show; what is read once is kept"
    return [Foreseen(step="read", detail=detail, seconds=training.reading_seconds)]


def _cross_fit(
    settings: Settings, made: CutSnapshot, policy_set: str, preset: Preset, training: TrainingPlan
) -> Foreseen:
    """Its models are trained one after another on one device, on however many the one beside them is."""
    tally = Tally.of(made.uri, settings.options_for(made.uri))
    if not is_worth_it(POLICY_SETS[policy_set], preset, tally):
        return Foreseen(step="cross-fit", detail="not needed, or it would prove nothing more")
    alone = training if training.devices == 1 else _training(settings, made, preset)
    return Foreseen(
        step="cross-fit",
        detail=f"{preset.folds} models beside it, so that the training split proves thresholds too",
        seconds=preset.folds * alone.seconds,
    )


def _devices(training: TrainingPlan) -> str:
    if training.devices == 1:
        return training.device
    return f"{training.devices} x {training.device} with {training.strategy}"


def _end(rollout: str, *, climbs: bool) -> Foreseen:
    if not climbs:
        return Foreseen(step="promote", detail="at once")
    stages = ", ".join(stage.name for stage in plan_named(rollout).stages)
    return Foreseen(step="canary", detail=f"plan {rollout}: {stages}; as long as live traffic takes to tell")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in counts.items()) + " posts"
