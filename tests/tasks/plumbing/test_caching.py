import pytest
from prefect import flow, task

from infra.settings import Settings
from models.distributed.resources import Resources
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION, digest_of
from tasks.plumbing.handle import Handle
from tasks.plumbing.results import RESULTS

pytestmark = pytest.mark.usefixtures("prefect_server")


ONE = Resources()


class Count(Handle):
    number: int


def counting_flow(calls):
    @task(name="count", cache_policy=ON_DATA_AND_CONFIGURATION, persist_result=True)
    def count(settings: Settings, start: Count, step: int, resources: Resources) -> Count:
        calls.append(step)
        return Count(number=start.number + step)

    @flow(result_serializer=RESULTS)
    def run(settings: Settings, start: int, step: int, resources: Resources = ONE) -> Count:
        return count(settings, Count(number=start), step, resources)

    return run


def test_a_finished_step_is_not_done_again_in_a_later_run(settings):
    calls = []
    run = counting_flow(calls)
    assert run(settings, 101, 1) == run(settings, 101, 1) == Count(number=102)
    assert calls == [1]


def test_other_data_or_configuration_is_done(settings):
    calls = []
    run = counting_flow(calls)
    run(settings, 201, 1)
    run(settings, 202, 1)
    run(settings, 202, 2)
    assert calls == [1, 1, 2]


def test_where_things_lie_does_not_matter(settings):
    calls = []
    run = counting_flow(calls)
    run(settings, 301, 1)
    run(settings.model_copy(update={"threads": 3}), 301, 1)
    assert calls == [1]


def test_on_how_much_it_ran_does_not_matter(settings):
    calls = []
    run = counting_flow(calls)
    run(settings, 401, 1)
    run(settings, 401, 1, Resources(devices=8, strategy="fsdp"))
    assert calls == [1]


def test_the_digest_is_of_values_and_not_of_their_order():
    assert digest_of(a=1, b=Count(number=2)) == digest_of(b=Count(number=2), a=1)
    assert digest_of(a=1) != digest_of(a=2)
