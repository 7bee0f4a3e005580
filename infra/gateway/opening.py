"""What a request shows: its bytes fetched, what they will cost admitted, and decoded, all off the event loop.

What is cheap is decoded in threads of this process; what is not, and all videos, in processes that are ended where they
take too long. Between keys they take turns, so that whoever sends what is dear waits for it alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from infra.forms import FormError, decoded_base64
from infra.gateway import images, videos
from infra.gateway.decoders import BrokenError, Decoders, OverranError
from infra.gateway.errors import ApiError
from infra.gateway.fairness import Budget, Turns
from infra.gateway.images import Picture
from infra.gateway.remote import Fetcher
from infra.gateway.served import Standing
from infra.gateway.videos import Film
from infra.settings import Settings
from models.decoding import shown
from models.pictures import MAX_BYTES, BrokenPictureError
from models.pixels import Shown

CHEAP = 0.1  # seconds: a picture that takes no longer is decoded in a thread here
THREADS, PROCESSES = 2, 2  # that decode
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
    """Its bytes, and the seconds that decoding them takes at most; none yet of what still lies in the store."""

    sent: Sent
    data: bytes
    seconds: float


class Openers:
    """Opens what the requests of one gateway show."""

    def __init__(self, settings: Settings, fetcher: Fetcher) -> None:
        self.settings, self.fetcher = settings, fetcher
        limit = self.limit = settings.gateway_decode_seconds
        self.budget = Budget(A_KEY * limit, IN_ALL * limit, "seconds of decoding")
        self._decoders = Decoders(PROCESSES + READING)
        self._light = Turns("picture", THREADS, THREADS, PATIENCE * limit)
        self._heavy = Turns("decoding", PROCESSES, PROCESSES - 1, PATIENCE * limit)
        self._fetch = Turns("fetching", FETCHING, A_HOST, PATIENCE * limit)
        self._store = Turns("reading", READING, READING - 1, PATIENCE * limit)

    def close(self) -> None:
        self._decoders.close()
        for turns in (self._light, self._heavy, self._fetch, self._store):
            turns.close()

    async def opened(self, key: str, sent: Sequence[Sent], standing: Standing) -> list[Picture | Film]:
        """Each as the models of `standing` want it; raises ApiError 400, 404, 422, 429 or 503."""
        held = await _together(self._held(key, one) for one in sent)
        with self.budget.admitted(key, sum(one.seconds for one in held), sent[0].param):
            return await _together(self._decoded(key, one, standing) for one in held)

    async def _held(self, key: str, sent: Sent) -> Held:
        if sent.how == "key":
            return Held(sent, b"", self.limit)
        if sent.how == "address":
            text, param = sent.text, sent.param
            data = await self._fetch.run(key, lambda: self.fetcher.fetch(text, MAX_BYTES, param))
            return await self._light.run(key, lambda: self._weighed(sent, data), len(data) * SIGN)
        return await self._light.run(key, lambda: self._weighed(sent, _bytes(sent)), len(sent.text) * SIGN)

    def _weighed(self, sent: Sent, data: bytes) -> Held:
        seconds_of = images.seconds_of if sent.kind == "image" else videos.seconds_of
        return Held(sent, data, min(seconds_of(data, sent.param), self.limit))

    async def _decoded(self, key: str, held: Held, standing: Standing) -> Picture | Film:
        """Raises ApiError 400, 404, 422 or 503."""
        sent, ways = held.sent, sorted(standing.sights if held.sent.kind == "image" else standing.watches)
        turns = self._store if sent.how == "key" else self._heavy

        def apart() -> list[Shown]:
            data = self._stored(sent) if sent.how == "key" else held.data
            return self._decoders.decode(sent.kind, data, ways, self.limit)

        try:
            if sent.kind == "image" and held.seconds * len(ways) <= CHEAP:
                found = await self._light.run(key, lambda: _here(held.data, ways), held.seconds)
            else:
                found = await turns.run(key, apart, held.seconds)
        except BrokenError as error:
            raise (images if sent.kind == "image" else videos).refused(str(error), sent.param) from None
        except OverranError:
            message = f"the {sent.kind} took more than {self.limit:g} s to decode; send a smaller one"
            raise ApiError(422, message, code="too_large", param=sent.param) from None
        by_way: dict[Any, Shown] = dict(zip(ways, found, strict=True))
        return Picture(images.digest_of(held.data), by_way) if sent.kind == "image" else Film(by_way)

    def _stored(self, sent: Sent) -> bytes:
        data = videos.stored(self.settings, sent.text, sent.param)
        videos.seconds_of(data, sent.param)
        return data


def _here(data: bytes, ways: list[Any]) -> list[Shown]:
    try:
        return shown("image", data, ways)
    except BrokenPictureError as error:
        raise BrokenError(str(error)) from None


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


async def _together(work: Iterable[Coroutine[Any, Any, Made]]) -> list[Made]:
    """What each makes; where one fails the others are let go."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
