"""A client of the gateway: posts in, decisions out. A request that is sent again is not decided again."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import httpx

from infra.client.answers import MAKE_A_KEY, GatewayError, Moderation, NoKeyError
from models.domain.content import Decision

URL, KEY = "MODERATO_GATEWAY_URL", "MODERATO_KEY"
HERE = "http://127.0.0.1:8000"
MAX_POSTS = 256  # posts of one request
TRIES, LONGEST_WAIT = 4, 30.0  # requests in all; seconds between two of them
LATER = (429, 503)  # answers that say when to come again
TIMEOUT = 60.0  # seconds

T = TypeVar("T")
Post = Mapping[str, Any] | str


class Client:
    """Asks the gateway at `url` with a key that `moderato keys create --scope decide --scope read` printed.

    Without them: MODERATO_GATEWAY_URL, or this machine's port 8000, and MODERATO_KEY. A context: closes its
    connections. Where the gateway is busy it asks again, a few times, when the gateway said to. Raises NoKeyError.
    """

    def __init__(self, url: str = "", key: str = "", *, timeout: float = TIMEOUT) -> None:
        self.url = (url or os.environ.get(URL) or HERE).rstrip("/")
        key = (key or os.environ.get(KEY, "")).strip()
        if not key:
            raise NoKeyError(f"a client needs a key: Client(key=...) or {KEY}; make one with {MAKE_A_KEY}")
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout)

    @overload  # a text and a mapping are iterables as well: the first that fits is meant
    def decide(self, posts: Post) -> Decision: ...  # type: ignore[overload-overlap]

    @overload
    def decide(self, posts: Iterable[Post]) -> list[Decision]: ...

    def decide(self, posts: Post | Iterable[Post]) -> Decision | list[Decision]:
        """What is to be done with a post, or with each of several, in their order; raises GatewayError.

        A post is a text, or a mapping with text, image, video, market and what else the API takes. Pictures and
        videos may be bytes, or paths of files. One without a post_id is called by its content.
        """
        if isinstance(posts, str | Mapping):
            return self._decide([posts])[0]
        return [decision for some in _in_turns(posts) for decision in self._decide(some)]

    @overload
    def moderate(self, content: str) -> Moderation: ...  # type: ignore[overload-overlap]

    @overload
    def moderate(self, content: Iterable[str]) -> list[Moderation]: ...

    def moderate(self, content: str | Iterable[str]) -> Moderation | list[Moderation]:
        """Whether a text, or each of several, violates the guidelines, in OpenAI's categories; raises GatewayError."""
        if isinstance(content, str):
            return self._moderate([content])[0]
        return [found for some in _in_turns(content) for found in self._moderate(some)]

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decide(self, posts: Sequence[Post]) -> list[Decision]:
        answer = self._post("/v1/decisions", {"posts": [_sent(post) for post in posts]})
        return [_decision(found) for found in answer["decisions"]]

    def _moderate(self, texts: Sequence[str]) -> list[Moderation]:
        answer = self._post("/v1/moderations", {"input": list(texts)})
        return [Moderation.model_validate(found) for found in answer["results"]]

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's JSON. The same name goes along each time, so that what was decided is not decided twice."""
        once = {"Idempotency-Key": str(uuid.uuid4())}
        for left in reversed(range(TRIES)):
            try:
                answer = self._http.post(path, json=body, headers=once)
            except httpx.TransportError as error:
                if left and not isinstance(error, httpx.ConnectError):
                    continue
                raise GatewayError(_away(self.url, error)) from error
            if answer.status_code in LATER and left:
                sleep(_wait(answer))
                continue
            if answer.is_success:
                found: dict[str, Any] = answer.json()
                return found
            raise _refused(self.url, answer)
        raise AssertionError("the last try returns or raises")


def _in_turns(items: Iterable[T]) -> Iterator[list[T]]:
    """As many as one request takes."""
    left = iter(items)
    while some := list(islice(left, MAX_POSTS)):
        yield some


def _sent(post: Post) -> dict[str, Any]:
    """As the gateway takes it."""
    given = {"text": post} if isinstance(post, str) else dict(post)
    sent = {name: _plain(value) for name, value in given.items() if value is not None}
    return sent if sent.get("post_id") not in (None, "") else {"post_id": _named(sent)} | sent


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        value = value.read_bytes()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


def _named(sent: Mapping[str, Any]) -> str:
    """The same content meets the same model each time, in a canary too."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("text", "image", "video", "video_key"):
        digest.update(f"{name}\0{sent.get(name, '')}\0".encode(errors="surrogatepass"))
    return digest.hexdigest()


def _decision(found: Mapping[str, Any]) -> Decision:
    """A newer gateway may say more than this client knows."""
    return Decision.model_validate({name: found[name] for name in Decision.model_fields if name in found})


def _wait(answer: httpx.Response) -> float:
    """Seconds that the gateway asks for."""
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked) if asked.isdigit() else 1.0, LONGEST_WAIT)


def _away(url: str, error: httpx.TransportError) -> str:
    why = str(error) or type(error).__name__
    return f"no gateway answers at {url} ({why}); start one with moderato serve, or name another: Client(url=...)"


def _refused(url: str, answer: httpx.Response) -> GatewayError:
    """What the gateway says, and what to do where that is the client's to mend."""
    try:
        said = answer.json()["error"]
        message, code = str(said["message"]), str(said["code"])
    except (ValueError, KeyError, TypeError):
        message, code = answer.text[:200] or "no reason given", ""
    advice = {401: f"; make a key with {MAKE_A_KEY}", 404: "; is this the address of a gateway?"}
    told = (
        f"the gateway at {url} answered {answer.status_code}: {message}{advice.get(answer.status_code, '')}"
    )
    return GatewayError(told, answer.status_code, code)
