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
from infra.gateway.decoders import Array, Decoders, UndecodedError
from infra.gateway.errors import ApiError
from infra.gateway.fairness import Budget, Turns
from infra.gateway.images import Picture
from infra.gateway.remote import Fetcher
from infra.gateway.served import Standing
from infra.gateway.videos import Film
from infra.settings import Settings
from models import pictures, pixels

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
            data = await self._fetch.run(key, lambda: self.fetcher.fetch(text, pictures.MAX_BYTES, param))
            return await self._light.run(key, lambda: self._weighed(sent, data), len(data) * SIGN)
        return await self._light.run(key, lambda: self._weighed(sent, _bytes(sent)), len(sent.text) * SIGN)

    def _weighed(self, sent: Sent, data: bytes) -> Held:
        seconds_of = images.seconds_of if sent.kind == "image" else videos.seconds_of
        return Held(sent, data, min(seconds_of(data, sent.param), self.limit))

    async def _decoded(self, key: str, held: Held, standing: Standing) -> Picture | Film:
        if held.sent.kind == "image":
            return await self._picture(key, held, sorted(standing.image_sizes))
        return await self._film(key, held, sorted(standing.watches))

    async def _picture(self, key: str, held: Held, sizes: list[int]) -> Picture:
        data = held.data

        def decode() -> list[Array]:
            made = [pixels.picture(data, size) for size in sizes]
            if any(array is None for array in made):
                raise UndecodedError("broken")
            return [array for array in made if array is not None]

        try:
            if held.seconds * len(sizes) <= CHEAP:
                arrays = await self._light.run(key, decode, held.seconds)
            else:
                arrays = await self._heavy.run(
                    key, lambda: self._decoders.decode("picture", data, sizes, self.limit), held.seconds
                )
        except UndecodedError as error:
            raise self._told(error, held.sent) from None
        return images.picture(data, dict(zip(sizes, arrays, strict=True)))

    async def _film(self, key: str, held: Held, watches: list[Any]) -> Film:
        sent = held.sent

        def decode() -> list[Array]:
            data = held.data
            if sent.how == "key":
                data = videos.stored(self.settings, sent.text, sent.param)
                videos.seconds_of(data, sent.param)
            return self._decoders.decode("clip", data, watches, self.limit)

        turns = self._store if sent.how == "key" else self._heavy
        try:
            arrays = await turns.run(key, decode, held.seconds)
        except UndecodedError as error:
            raise self._told(error, sent) from None
        return Film(dict(zip(watches, arrays, strict=True)))

    def _told(self, error: UndecodedError, sent: Sent) -> ApiError:
        if error.reason == "overran":
            message = f"the {sent.kind} took more than {self.limit:g} s to decode; send a smaller one"
            return ApiError(422, message, code="too_large", param=sent.param)
        if sent.kind == "image":
            return images.refused("the image is broken", sent.param)
        return videos.refused("cannot be decoded", sent.param)


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
