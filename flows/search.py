"""The search for a better preset, read like a table of contents."""

from __future__ import annotations

from typing import cast

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.form import Bounds, Data, Training, Values, searchable
from flows.naming import unless_typed
from flows.unfinished import TIDY
from tasks.data.snapshot import cut, pin
from tasks.plumbing.results import RESULTS
from tasks.training.champion import incumbent
from tasks.training.run import begin
from tasks.training.search import Asked, Found
from tasks.training.search import search as try_out
from tasks.training.validate import validate


@unless_typed
def _named() -> str:
    asked, start = flow_run.parameters, flow_run.scheduled_start_time
    return f"{asked['data'].policy_set} {start:%Y-%m-%d %H:%M} search {asked['training'].preset}"


@flow(name="search", result_serializer=RESULTS, flow_run_name=_named, **TIDY)
def search(
    data: Data = Data(),
    training: Training = Training(),
    values: Values = Values(),
    bounds: Bounds = Bounds(),
) -> Found:
    """Presets tried on one snapshot within a budget; nothing is registered.

    The message of its last state is the best preset, as `moderato retrain` takes it.
    """
    settings = searchable(data, training, values, bounds)
    versions = pin(settings, data.as_of, data.policy_set)
    snapshot = cut(settings, versions, data.policy_set, training.seed)
    run = begin(settings, snapshot, training.preset, training.seed, values.over)
    validate(settings, snapshot, incumbent(settings, run), run)
    asked = Asked(over=values.over, budget=bounds.budget, resources=training.resources)
    found = try_out(settings, run, snapshot, asked)
    return cast("Found", Completed(message=found.told, data=found))
