"""What one key sends is waited for by that key: dear pictures, slow work, bodies of a million values."""

import asyncio
import base64
import io
import threading
import zlib
from pathlib import Path

import pytest
from gateway_server import Served, new_key
from PIL import Image
from tiny_model import picture

from infra.gateway.api import limits
from infra.gateway.api.opening import Openers, Sent
from infra.gateway.errors import ApiError
from infra.gateway.fairness import Budget, Turns
from infra.gateway.media import decoders, images
from infra.gateway.media.decoders import BrokenError, Decoder, OverranError
from infra.gateway.media.image_fetcher import Fetcher
from infra.gateway.models.batching import Queue
from infra.gateway.models.live_models import Routing
from infra.gateway.models.rows import Content, Waiting
from infra.settings import Settings
from models.data.pixels import Sight, shown


def chunk(name, data):
    return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)


def thin(rows):
    """A PNG of one column."""
    header = (1).to_bytes(4) + rows.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    pixels = chunk(b"IDAT", zlib.compress(bytes(4 * rows), 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


DEAR = base64.b64encode(thin(49_000_000)).decode()
SLOW = base64.b64encode(thin(16_000_000)).decode()  # a second or two where the cores are taken
CHEAP = base64.b64encode(picture(9)).decode()


def test_dear_pictures_of_one_key_do_not_hold_up_anothers(gateway):
    posts = [{"post_id": str(n), "image": SLOW} for n in range(3)]
    found, other = [], Served(gateway.settings, gateway.url, new_key(gateway.settings))

    def flood():
        with gateway.client() as client:
            found.append(client.post("/v1/decisions", json={"posts": posts}).status_code)

    with other.client() as client:
        client.post("/v1/decisions", json={"post_id": "warm", "image": CHEAP})
        thread = threading.Thread(target=flood)
        thread.start()
        answered = 0
        while thread.is_alive():
            assert client.post("/v1/decisions", json={"post_id": "p", "image": CHEAP}).status_code == 200
            answered += 1
        thread.join()
    assert found == [200]
    assert answered >= 10  # in the seconds that the three take


def test_a_request_that_costs_too_much_is_refused_before_a_pixel_is_decoded(gateway):
    posts = [{"post_id": str(n), "image": DEAR} for n in range(14)]
    with gateway.client() as client:
        answer = client.post("/v1/decisions", json={"posts": posts})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "too_large")
    assert "seconds of decoding" in answer.json()["error"]["message"]


def test_rows_cost_as_well_as_pixels():
    column, square = images.seconds_of(thin(1_000_000), "p"), images.seconds_of(picture(3), "p")
    assert column > 0.1 > square


@pytest.mark.parametrize("path", ["decisions", "moderations"])
@pytest.mark.parametrize("value", [b'"%d":1', b'"%d": [[]]'])
def test_a_body_of_a_million_values_stalls_nobody(gateway, path, value):
    body = b"{" + b",".join(value % number for number in range(1_000_000)) + b"}"
    found = []

    def flood():
        with gateway.client() as client:
            found.append(client.post(f"/v1/{path}", content=body))

    thread = threading.Thread(target=flood)
    thread.start()
    with Served(gateway.settings, gateway.url, new_key(gateway.settings)).client() as client:
        while thread.is_alive():
            assert client.post("/v1/moderations", json={"input": "plain1"}).status_code == 200
    thread.join()
    assert (found[0].status_code, found[0].json()["error"]["code"]) == (422, "too_large")


def test_values_are_counted_outside_of_texts():
    assert limits.values_in(b'{"text": "a, b, [c], {\\"d\\": 1, 2}", "x": [1, 2]}') == 4
    assert limits.values_in(b"[" + b"0," * 100 + b"0]") == 101


def test_a_decoder_that_overruns_is_ended_and_another_takes_its_place():
    decoder, sight = Decoder(), Sight(32)
    try:
        with pytest.raises(OverranError):
            decoder.decode("image", thin(49_000_000), [sight], 0.3)
        (found,) = decoder.decode("image", picture(200), [sight], 20.0)
        assert (found.pictures == shown(picture(200), sight).pictures).all()
        with pytest.raises(BrokenError, match="JPEG"):
            decoder.decode("image", b"nothing", [sight], 20.0)
    finally:
        decoder.close()


def test_a_decoder_that_dies_says_so(monkeypatch):
    monkeypatch.setattr(decoders, "COMMAND", ["false"])
    decoder = Decoder()
    with pytest.raises(BrokenError, match="fell over"):
        decoder.decode("image", picture(1), [Sight(32)], 20.0)
    decoder.close()


def test_a_decoder_knows_no_secret_of_the_gateways(monkeypatch):
    monkeypatch.setenv("MODERATO_S3_SECRET_KEY", "hidden")
    decoder = Decoder()
    decoder.decode("image", picture(1), [Sight(32)], 20.0)
    with Path(f"/proc/{decoder._process.pid}/environ").open("rb") as environ:
        assert b"hidden" not in environ.read()
    decoder.close()


def test_keys_take_turns_at_work():
    order = []

    async def run():
        turns = Turns("test", 1, 1, 10.0)
        work = [turns.run("many", lambda n=n: order.append(f"many{n}"), 1.0) for n in range(6)]
        work += [turns.run("few", lambda n=n: order.append(f"few{n}"), 1.0) for n in range(2)]
        await asyncio.gather(*work)
        turns.close()

    asyncio.run(run())
    assert order.index("few1") <= 4


def test_a_key_that_was_away_is_owed_nothing():
    order = []

    async def run():
        turns = Turns("test", 1, 1, 10.0)
        await turns.run("away", lambda: None, 1.0)
        for _ in range(20):
            await turns.run("busy", lambda: None, 1.0)
        work = [turns.run("away", lambda: order.append("away"), 1.0) for _ in range(10)]
        work += [turns.run("busy", lambda: order.append("busy"), 1.0) for _ in range(2)]
        await asyncio.gather(*work)
        turns.close()

    asyncio.run(run())
    assert order.index("busy") <= 3


def test_threads_are_given_short_work_ahead_and_no_more_than_that():
    order = []

    async def run():
        turns, held = Turns("test", 1, 9, 10.0, ahead=1.0), threading.Event()
        first = asyncio.create_task(turns.run("many", held.wait, 0.1))
        work = [turns.run("many", lambda n=n: order.append(f"many{n}"), 0.4) for n in range(4)]
        tasks = [first, *map(asyncio.create_task, work)]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(turns.run("few", lambda: order.append("few"), 0.4)))
        await asyncio.sleep(0)
        held.set()
        await asyncio.gather(*tasks)
        turns.close()

    asyncio.run(run())
    assert order[:3] == ["many0", "many1", "few"]


def opened(posts, monkeypatch):
    """What a model that looks at squares of 32 is shown of pictures, and the trips to threads that this took."""
    trips, run = [], Turns.run
    monkeypatch.setattr(Turns, "run", lambda turns, *rest: trips.append(turns.name) or run(turns, *rest))

    async def work():
        openers = Openers(Settings(_env_file=None), Fetcher([]))
        sent = [Sent("image", "base64", text, "image") for text in posts]
        found = await openers.opened("key", sent, Looking())
        openers.close()
        return found

    return asyncio.run(work()), trips


class Looking(Routing):
    sights = frozenset({Sight(32)})


def gif():
    out = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(out, "GIF")
    return out.getvalue()


def sent(data):
    return base64.b64encode(data).decode()


# what the event loop does itself has a bound in bytes, in what the header says and in formats
@pytest.mark.parametrize(("pictures", "trips"), [
    ([picture(9)] * 3, 0),
    ([picture(9)] * 60, 60),
    ([thin(5_000)], 0),  # half a millisecond by what it says
    ([thin(5_000)] * 3, 3),
    ([thin(50_000)], 1),  # six of them
    ([thin(50_000)] * 3, 3),
    ([gif()], 1),
])  # fmt: skip
def test_the_smallest_pictures_are_decoded_at_once_and_small_ones_in_one_trip(pictures, trips, monkeypatch):
    found, taken = opened([sent(data) for data in pictures], monkeypatch)
    assert taken == ["picture"] * trips
    for one, data in zip(found, pictures, strict=True):
        assert (one.shown[Sight(32)].pictures == shown(data, Sight(32)).pictures).all()


def test_many_pictures_that_are_small_alone_are_admitted_together_before_they_are_decoded(monkeypatch):
    middling = [sent(thin(50_000))] * 60  # over what the event loop reads itself
    assert opened(middling[:1], monkeypatch)[1] == ["picture"]
    monkeypatch.undo()
    assert opened(middling, monkeypatch)[1] == ["picture"] * 120


def test_one_key_does_not_take_every_thread():
    async def run():
        turns, held = Turns("test", 2, 1, 10.0), threading.Event()
        slow = [asyncio.create_task(turns.run("slow", held.wait)) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert await turns.run("other", lambda: "at once") == "at once"
        held.set()
        await asyncio.gather(*slow)
        turns.close()

    asyncio.run(run())


def test_work_that_is_not_done_in_time_is_given_up():
    async def run():
        turns, held = Turns("test", 1, 1, 0.1), threading.Event()
        with pytest.raises(ApiError) as refused:
            await turns.run("slow", held.wait)
        held.set()
        assert await turns.run("slow", lambda: "again") == "again"
        turns.close()
        return refused.value

    error = asyncio.run(run())
    assert (error.status, error.code) == (503, "overloaded")
    assert error.retry_after


@pytest.mark.parametrize(
    ("key", "cost", "status"), [("a", 11.0, 422), ("a", 6.0, 429), ("b", 9.0, None), ("c", 9.0, 503)]
)
def test_a_budget_is_a_keys_and_everyones(key, cost, status):
    budget = Budget(10.0, 20.0, "seconds")
    with budget.admitted("a", 5.0), budget.admitted("d", 2.0 if status != 503 else 10.0):
        if status is None:
            with budget.admitted(key, cost):
                pass
            return
        with pytest.raises(ApiError) as refused, budget.admitted(key, cost):
            pass
    assert refused.value.status == status
    with budget.admitted(key, min(cost, 10.0)):
        pass  # all of it was given back


def test_posts_of_keys_are_scored_in_turn():
    queue = Queue()
    for name in [*"aaaa", "b"]:
        queue.append(Waiting(Content(name, "text", None, "ZZ", key_id=name), None, "champion", 0.0))
    assert [post.content.key_id for post in queue.take(2)] == ["a", "b"]
    assert len(queue.take(9)) == 3
    assert not queue
