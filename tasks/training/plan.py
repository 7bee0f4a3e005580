"""What a retraining would take, on the data that it would learn from."""

from __future__ import annotations

from infra.lake import Lake, open_lake
from infra.settings import Settings
from infra.snapshots import cut_snapshot, pin_versions
from infra.weights import fetch
from models.data.snapshot import SnapshotRows
from models.distributed.resources import Devices
from models.domain.preset import Preset
from models.planning.plan import TrainingPlan, plan
from models.planning.target import Target
from models.policies import POLICY_SETS


def plan_run(settings: Settings, preset: Preset, devices: Devices, device: str = "") -> TrainingPlan:
    """Plan `preset` on the lake as it stands, whose snapshot is cut as a retraining would; on assumed posts where the
    lake is empty. `device` is a GPU by name, this machine's own when empty. Raises UserError.
    """
    target = Target.named(device) if device else None
    weights = fetch(settings, preset.weights)
    return plan(
        preset,
        rows=_rows(settings, open_lake(settings)),
        weights=weights.folder if weights else None,
        devices=devices.devices,
        strategy=devices.strategy,
        target=target,
        price=settings.device_hour_price,
        threads=settings.threads,
    )


def _rows(settings: Settings, lake: Lake) -> SnapshotRows | None:
    if not (lake.posts.exists() and lake.judgements.exists()):
        return None
    policy_set, workspace = POLICY_SETS[settings.policy_set], settings.work / "snapshots"
    made = cut_snapshot(lake, pin_versions(lake), policy_set, settings.seed, workspace)
    return SnapshotRows.open(made.uri, settings.options_for(made.uri))
