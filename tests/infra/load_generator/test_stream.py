import threading
from itertools import count

import pytest
from gateway_server import copied, in_thread, make_home, until

from infra.load_generator import NoGatewayError, Stream

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    template = tmp_path_factory.mktemp("registered")
    make_home(template)
    with in_thread(copied(template, tmp_path_factory.mktemp("traffic") / "home")) as served:
        yield served


def posts():
    return ({"post_id": f"p{number}", "text": "plain1"} for number in count())


def stream(url, key, begins=lambda: True, tired=lambda: None, seconds=60.0):
    return Stream(url, key, posts(), rate=200, seconds=seconds, begins=begins, tired=tired)


def test_posts_come_while_the_block_lasts_and_every_answer_is_kept(served):
    began = threading.Event()
    with stream(served.url, served.key, begins=began.is_set) as traffic:
        before = len(served.rows())
        began.set()
        until(lambda: len(served.rows()) > before + 50)
    told = set(traffic.found.decisions)
    assert traffic.found.sent == len(told) > 50
    until(lambda: told <= {row["decision_id"] for row in served.rows()})


def test_after_its_time_it_says_that_it_is_tired(served):
    tired = threading.Event()
    with stream(served.url, served.key, tired=tired.set, seconds=0.2):
        assert tired.wait(30)


def test_what_goes_wrong_is_raised_when_the_block_is_left():
    with pytest.raises(NoGatewayError), stream("http://127.0.0.1:9", "key") as traffic:
        until(lambda: traffic._failed is not None)
