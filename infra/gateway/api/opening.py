"""What a request shows: its bytes fetched, what they will cost admitted, and decoded, all off the event loop.

What is cheap is decoded in threads of this process; what is not, and all videos, in processes that are ended where they
take too long. Between keys they take turns, so that whoever sends what is dear waits for it alone.

Small pictures cost less than another trip to a thread: they are decoded where their header is read, the smallest at
once, since reading the request itself has taken as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from infra.forms import FormError, decoded_base64
from infra.gateway.errors import ApiError
from infra.gateway.fairness import Budget, Turns
from infra.gateway.media import images, videos
from infra.gateway.media.decoders import BrokenError, Decoders, OverranError
from infra.gateway.media.image_fetcher import Fetcher
from infra.gateway.media.images import Picture
from infra.gateway.media.videos import Film
from infra.gateway.models.live_models import Routing
from infra.settings import Settings
from models.data.decoding import shown
from models.data.kept_table import key_of
from models.data.media_limits import MAX_PICTURE_BYTES
from models.data.pictures import BrokenPictureError
from models.data.pixels import Shown
from models.domain.content import Part
from models.readers.base.reading import Found, OpenReader

CHEAP = 0.1  # seconds: a picture that takes no longer is decoded in a thread here
AT_ONCE = 16_384  # signs of base64 in one request that the event loop reads itself
INSTANT = 0.001  # seconds that it spends on decoding them
PLAIN = (b"\x89PNG", b"\xff\xd8\xff")  # how the formats begin whose header says all that they cost
FREE_SECONDS = (
    0.01  # that every request is admitted for: pictures that take no longer together are decoded at once
)
THREADS, PROCESSES = 2, 2  # that decode
MANY = 1_000  # pictures of one key: what the threads are given of them is bounded by its seconds
FETCHING, READING = 16, 2  # threads that wait for hosts, and for the store of videos
A_HOST = 4  # of those for one key
SIGN = 8e-9  # seconds that a sign of base64 takes
A_KEY, IN_ALL, PATIENCE = 2, 6, 3  # times `gateway_decode_seconds`: may be under way, and may be waited

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture or a video of a request, and where in it: base64, an address, or a key of the store."""

    kind: Literal["image", "video"]
    how: Literal["base64", "address", "key"]
    text: str
    param: str


@dataclass(frozen=True, slots=True)
class Held:
    """Its bytes, and the seconds that decoding them takes at most; no bytes yet of what still lies in the store.

    opened: it is a small picture, and was decoded already.
    """

    sent: Sent
    data: bytes
    seconds: float
    opened: Picture | None = None


class Openers:
    """Opens what the requests of one gateway show."""

    def __init__(self, settings: Settings, fetcher: Fetcher) -> None:
        self.settings, self.fetcher = settings, fetcher
        limit = self.limit = settings.gateway_decode_seconds
        self.budget = Budget(A_KEY * limit, IN_ALL * limit, "seconds of decoding")
        self._decoders = Decoders(PROCESSES + READING)
        self._light = Turns("picture", THREADS, MANY, PATIENCE * limit, ahead=CHEAP)
        self._heavy = Turns("decoding", PROCESSES, PROCESSES - 1, PATIENCE * limit)
        self._fetch = Turns("fetching", FETCHING, A_HOST, PATIENCE * limit)
        self._store = Turns("reading", READING, READING - 1, PATIENCE * limit)

    def close(self) -> None:
        self._decoders.close()
        for turns in (self._light, self._heavy, self._fetch, self._store):
            turns.close()

    async def opened(self, key: str, sent: Sequence[Sent], standing: Routing) -> list[Picture | Film]:
        """Each as the models of `standing` want it; raises ApiError 400, 404, 422, 429 or 503."""
        small = min(FREE_SECONDS, self.limit)
        with self.budget.admitted(key, small, sent[0].param) as grown:
            at_once = sum(len(one.text) for one in sent) <= AT_ONCE
            held = await _together(
                [self._held(key, one, standing, small / len(sent), at_once) for one in sent]
            )
            grown(sum(one.seconds for one in held))
            decoded = iter(
                await _together([self._decoded(key, one, standing) for one in held if one.opened is None])
            )
            return [one.opened or next(decoded) for one in held]

    async def _held(self, key: str, sent: Sent, standing: Routing, small: float, at_once: bool) -> Held:
        """Small ones decoded too; `at_once`: what the request shows is little enough for the event loop."""
        if sent.how == "key":
            return Held(sent, b"", self.limit)
        if sent.how == "base64" and at_once:
            plain = _bytes(sent)
            if sent.kind == "image" and plain.startswith(PLAIN):
                return self._weighed(sent, plain, standing, small * INSTANT / FREE_SECONDS)
        data, size = None, len(sent.text)
        if sent.how == "address":
            data = await self._fetch.run(
                key, lambda: self.fetcher.fetch(sent.text, MAX_PICTURE_BYTES, sent.param)
            )
            size = len(data)

        def weighed() -> Held:
            return self._weighed(sent, _bytes(sent) if data is None else data, standing, small)

        held = await self._light.run(key, weighed, size * SIGN + small)
        self._light.refund(key, small - (held.seconds if held.opened else 0.0))
        return held

    def _weighed(self, sent: Sent, data: bytes, standing: Routing, most: float) -> Held:
        """Decoded too where that takes no longer than `most` seconds."""
        ways, readers = standing.ways(sent.kind), standing.readers(sent.kind)
        pages = sum(one.reader.cost(Part(sent.kind)) for one in readers)
        seconds = min(_seconds_of(sent, data) + pages, self.limit)
        is_small = sent.kind == "image" and not readers and seconds * len(ways) <= most
        return Held(sent, data, seconds, _picture(sent, data, ways) if is_small else None)

    async def _decoded(self, key: str, held: Held, standing: Routing) -> Picture | Film:
        """Raises ApiError 400, 404, 422 or 503."""
        sent, ways, readers = held.sent, standing.ways(held.sent.kind), standing.readers(held.sent.kind)
        if sent.kind == "image" and not readers and held.seconds * len(ways) <= CHEAP:
            return await self._light.run(key, lambda: _picture(sent, held.data, ways), held.seconds)
        turns = self._store if sent.how == "key" else self._heavy

        def apart() -> Picture | Film:
            data = self._stored(sent) if sent.how == "key" else held.data
            by_way, read = self._opened(sent, data, ways, readers)
            return (
                Picture(images.digest_of(data), by_way, read) if sent.kind == "image" else Film(by_way, read)
            )

        try:
            return await turns.run(key, apart, held.seconds)
        except BrokenError as error:
            raise (images if sent.kind == "image" else videos).refused(str(error), sent.param) from None
        except OverranError:
            message = f"the {sent.kind} took more than {self.limit:g} s to decode; send a smaller one"
            raise ApiError(422, message, code="too_large", param=sent.param) from None

    def _opened(
        self, sent: Sent, data: bytes, ways: list[Any], readers: list[OpenReader]
    ) -> tuple[dict[Any, Shown], dict[str, Found]]:
        """What models are shown of it, and what is read in it: pages are decoded apart, and read in this thread."""
        part, key = Part(sent.kind), key_of(data) if readers else ""
        known = {one: words for one in readers if (words := one.remembered(key)) is not None}
        new = [one for one in readers if one not in known]
        pages = [one.reader.looks[part] for one in new]
        found = self._decoders.decode(sent.kind, data, [*ways, *pages], self.limit)
        read = {one.reader.name: Found(words) for one, words in known.items()}
        for one, page in zip(new, found[len(ways) :], strict=True):
            read[one.reader.name] = one.of_shown(key, part, page.pictures)
        return dict(zip(ways, found[: len(ways)], strict=True)), read

    def _stored(self, sent: Sent) -> bytes:
        data = videos.stored(self.settings, sent.text, sent.param)
        videos.seconds_of(data, sent.param)
        return data


def _seconds_of(sent: Sent, data: bytes) -> float:
    seconds: float = (images if sent.kind == "image" else videos).seconds_of(data, sent.param)
    return seconds


def _picture(sent: Sent, data: bytes, ways: list[Any]) -> Picture:
    """Decoded here; raises ApiError 400."""
    try:
        found = shown("image", data, ways)
    except BrokenPictureError as error:
        raise images.refused(str(error), sent.param) from None
    return Picture(images.digest_of(data), dict(zip(ways, found, strict=True)))


def _bytes(sent: Sent) -> bytes:
    try:
        return decoded_base64(sent.text)
    except FormError as error:
        raise ApiError(
            400,
            f"the {sent.kind} is no base64: {error.detail}",
            code=f"invalid_{sent.kind}",
            param=sent.param,
        ) from None


async def _together(work: Sequence[Coroutine[Any, Any, Made]]) -> list[Made]:
    """What each makes; where one fails the others are let go."""
    if len(work) <= 1:  # most requests show one thing: no task is made for it
        return [await one for one in work]
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
