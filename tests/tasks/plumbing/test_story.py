"""Each step tells its story in one line of its run's log; training says how often posts are passed over, and why."""

import time

import pytest
from prefect import flow, get_client, task
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.sorting import LogSort

from models.training.presets import preset_named
from tasks.plumbing.story import counted, lasted, say, tells
from tasks.training.progress import Progress


@tells(lambda count: f"{count} posts were counted")
def count(posts):
    """Counts."""
    say("half of them")
    return len(posts)


def test_a_step_without_prefect_tells_nothing_and_is_what_it_was():
    assert count([1, 2, 3]) == 3
    assert (count.__name__, count.__doc__) == ("count", "Counts.")


@pytest.mark.slow
def test_a_line_of_the_log_says_what_how_much_and_how_long(prefect_server):
    step = task(name="count")(count)

    @flow
    def counting():
        step(["a", "b"])
        return get_run_id()

    def get_run_id():
        from prefect.runtime import flow_run

        return flow_run.id

    run = counting()
    ours = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))
    with get_client(sync_client=True) as client:
        lines = []
        for _ in range(50):  # they are sent in the background
            lines = [log.message for log in client.read_logs(ours, sort=LogSort.TIMESTAMP_ASC)]
            if any("Finished in state" in line for line in lines):
                break
            time.sleep(0.2)
    assert [line for line in lines if "posts" in line or "half" in line] == [
        "half of them",
        "2 posts were counted; 0.0 s",
    ]


def test_how_long_is_said_as_people_say_it():
    assert [lasted(it) for it in (0.04, 59.9, 61, 3600 + 125)] == [
        "0.0 s",
        "59.9 s",
        "1 min 1 s",
        "1 h 2 min",
    ]
    assert counted({"train": 4000, "test": 0, "validation": 500}) == "4,000 train, 500 validation"


def test_more_passes_than_epochs_are_explained_and_the_change_that_ends_them_is_named():
    """`epochs=3` on 300 posts trained ninety passes, and nothing said so."""
    told = Progress("compact,epochs=3", preset_named("compact,epochs=3")).passes(passes=90, steps=450)
    assert told.startswith(
        "90 passes of 5 steps at most: epochs=3 alone would be 15 steps, too few to learn from"
    )
    assert "minimum_steps=450" in told
    assert "compact,epochs=3,minimum_steps=0 makes it 3" in told
    few = Progress("compact", preset_named("compact"))
    assert few.passes(passes=3, steps=3000) == "3 passes of 1000 steps at most"
