"""What finished steps keep is JSON that becomes handles, and never code, whatever a file of theirs holds."""

import base64
import importlib
import json
import os
import pickle
import pkgutil
import sys
import typing
from pathlib import Path
from types import NoneType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect import Flow, Task, flow, get_client, task
from prefect.client.schemas.filters import FlowRunFilter

import flows
import tasks
from infra.ingest import Summary
from infra.results import is_plain
from models.evaluation.effects import Effects, MarketEffects
from tasks.data.snapshot import LakeVersions, Snapshot
from tasks.gates.base.gate import Check
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION
from tasks.plumbing.handle import Handle
from tasks.plumbing.results import RESULTS, ForeignResultError, PlainSerializer, StepFailedError
from tasks.release.evaluate import Evaluation, Metrics
from tasks.release.watch import Looked


def members(package, kind):
    """Every flow or step of the product, by where it stands."""
    found = {}
    modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    for name in sorted(module.name for module in modules if not module.name.endswith("__main__")):
        module = importlib.import_module(name)
        found |= {
            f"{name}.{key}": it
            for key, it in vars(module).items()
            if isinstance(it, kind) and it.fn.__module__ == module.__name__
        }
    return found


FLOWS, STEPS = members(flows, Flow), members(tasks, Task)


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_and_so_each_of_its_steps_keeps_json(name):
    assert isinstance(FLOWS[name].result_serializer, PlainSerializer)


@pytest.mark.parametrize("name", [*FLOWS, *STEPS])
def test_whatever_a_step_returns_can_be_kept(name):
    returned = typing.get_type_hints((FLOWS | STEPS)[name].fn)["return"]
    for kind in typing.get_args(returned) if typing.get_origin(returned) is not dict else (dict,):
        assert can_be_kept(kind), returned
    assert typing.get_args(returned) or can_be_kept(returned), returned


def can_be_kept(kind):
    return kind in (NoneType, bool, int, float, str, dict) or issubclass(kind, Handle | Summary)


numbers = st.integers(-(2**60), 2**60)
counts = st.dictionaries(st.text(), numbers)
figures = st.none() | st.floats(allow_nan=False)


@given(
    st.builds(LakeVersions, uri=st.text(), posts=numbers, judgements=numbers)
    | st.builds(
        Snapshot, id=st.text(), uri=st.text(), policy_set=st.text(), policies=st.lists(st.text()).map(tuple),
        counts=counts, versions=counts, seed=numbers, dropped=counts,
    )
    | st.builds(
        Evaluation, run_id=st.text(), bundle=st.just(Path("/a b/ü")), digest=st.text(), report=st.just(Path("r")),
        passed=st.booleans(),
        metrics=st.builds(
            Metrics, macro_average_precision=figures, macro_calibration_error=figures,
            average_precision=st.dictionaries(st.text(), figures),
            recall_at_precision=st.dictionaries(st.text(), st.dictionaries(st.text(), figures)),
            champion_macro_average_precision=figures,
        ),
        gates=st.lists(st.builds(
            Check, gate=st.text(), subject=st.text(), value=figures, bound=st.floats(allow_nan=False),
            passed=st.booleans(), detail=st.text(),
        ), max_size=3).map(tuple),
        effects=st.builds(Effects, markets=st.lists(st.builds(
            MarketEffects, review_seconds=st.floats(allow_nan=False),
        ), max_size=2).map(tuple)),
    )
    | st.builds(
        Looked, version=numbers, since=st.datetimes(), until=st.datetimes(), posts=numbers, findings=st.just(()),
    )
    | st.builds(Summary, source=st.text(), path=st.text(), rows=numbers)
    | counts | st.lists(figures) | figures | st.booleans() | st.text()
)  # fmt: skip
@settings(deadline=None)
def test_what_is_kept_comes_back_as_it_was(value):
    found = RESULTS.loads(RESULTS.dumps(value))
    assert (type(found), found) == (type(value), value)


def test_an_infinite_or_missing_figure_comes_back_too():
    check = Check(gate="g", subject="s", value=float("nan"), bound=float("inf"), passed=False, detail="")
    found = RESULTS.loads(RESULTS.dumps(check))
    assert (str(found.value), found.bound) == ("nan", float("inf"))


def test_an_exception_comes_back_as_words():
    found = RESULTS.loads(RESULTS.dumps(KeyError("no such post")))
    assert isinstance(found, StepFailedError)
    assert str(found) == "builtins.KeyError: 'no such post'"


@pytest.mark.usefixtures("prefect_server")
def test_neither_the_state_nor_the_result_of_what_failed_shows_a_password():
    error = OSError("no answer from http://somebody:opensesame@mlflow.example")

    @task
    def ask() -> None:
        raise error

    @flow(result_serializer=RESULTS)
    def run() -> None:
        ask()

    state = run(return_state=True)
    with get_client(sync_client=True) as client:
        kept = client.read_flow_run(state.state_details.flow_run_id).state
        of_this_run = FlowRunFilter(id={"any_": [state.state_details.flow_run_id]})
        (step,) = client.read_task_runs(flow_run_filter=of_this_run)
    messages = [kept.message, step.state.message]
    assert all("http://somebody:**********@mlflow.example" in message for message in messages)
    assert "opensesame" not in str(messages) + RESULTS.dumps(error).decode()


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {"a": object()}, object(), Path("a"), b"bytes"])
def test_what_would_come_back_as_something_else_is_refused_when_it_is_kept(value):
    with pytest.raises(TypeError, match=r"return a tasks.plumbing.handle.Handle or plain values"):
        RESULTS.dumps(value)


@pytest.mark.parametrize(
    "name", ["builtins.dict", "infra.settings.Settings", "subprocess.Popen", "os.system"]
)
def test_no_class_is_made_because_a_file_names_it(name):
    with pytest.raises(ForeignResultError, match="is no handle that this process knows"):
        RESULTS.loads(json.dumps({"is": name, "value": {}}).encode())


def test_what_the_release_before_kept_comes_back_whatever_its_module_is_called_now():
    kept = json.loads(RESULTS.dumps(LakeVersions(uri="lake", posts=1, judgements=2)))
    kept["is"] = "tasks.snapshot.LakeVersions"
    assert RESULTS.loads(json.dumps(kept).encode()) == LakeVersions(uri="lake", posts=1, judgements=2)


class Runs:
    """Unpickling it leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def pickled(mark):
    return base64.encodebytes(pickle.dumps(Runs(mark))).decode()


def hostile(mark):
    """Records that Prefect's own readers run: a pickle, one that nothing names as such, and names of modules."""
    packed = {"serializer": {"type": "compressed/pickle", "compressionlib": "antigravity"}}
    return {
        "a pickle": {"metadata": {"serializer": {"type": "pickle"}}, "result": pickled(mark)},
        "a pickle without a word": {"metadata": {}, "result": pickled(mark)},
        "a pickle in the form of before": {"serializer": {"type": "pickle"}, "data": pickled(mark)},
        "a module": {"metadata": {"serializer": {"type": "pickle", "picklelib": "antigravity"}}, "result": "e30="},
        "another module": {"metadata": {"serializer": {"type": "json", "jsonlib": "antigravity"}}, "result": "{}"},
        "a third": {"metadata": packed, "result": "e30="},
        "a class": {
            "metadata": {"serializer": {"type": "json"}},
            "result": json.dumps({"__class__": "subprocess.Popen", "data": ["mkdir", str(mark)]}),
        },
    }  # fmt: skip


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("name", hostile(Path()))
def test_a_result_that_is_no_json_of_ours_never_runs_and_its_step_does(name, tmp_path, caplog):
    calls, mark = [], tmp_path / "it ran"

    @task(
        name="count",
        cache_policy=ON_DATA_AND_CONFIGURATION,
        persist_result=True,
        cache_result_in_memory=False,
    )
    def count(subject: str) -> LakeVersions:
        calls.append(subject)
        return LakeVersions(uri=subject, posts=1, judgements=1)

    @flow(result_serializer=RESULTS, cache_result_in_memory=False)
    def run(subject: str) -> LakeVersions:
        return count(subject)

    storage, subject = Path(os.environ["PREFECT_LOCAL_STORAGE_PATH"]), f"{tmp_path} {name}"
    before = set(storage.iterdir())
    made = run(subject)
    for kept in set(storage.iterdir()) - before:
        assert is_plain(kept.read_bytes())
        kept.write_text(json.dumps(hostile(mark)[name]))
        assert not is_plain(kept.read_bytes())
    caplog.clear()
    assert run(subject) == made
    assert calls == [subject, subject]
    assert not mark.exists()
    assert "antigravity" not in sys.modules
    assert "it is not read, and the step runs again" in caplog.text
