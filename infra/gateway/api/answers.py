"""Requests that are sent again: one that carries an Idempotency-Key is decided once, and answered alike each time.

What was answered is kept under home, for all processes of this machine and across their restarts, KEPT_SECONDS long and
A_KEY_BYTES of it for each API key. Two of the same at once: the second waits for the first. The ids of such a request's
decisions follow from it, so that they are the same wherever it is decided.

See the IETF's draft-ietf-httpapi-idempotency-key-header. Only answers are kept: whoever was refused may try again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from infra.gateway.auth.keys import ApiKey
from infra.gateway.errors import ApiError
from infra.gateway.identity import derived_id

log = logging.getLogger(__name__)

Made = TypeVar("Made")

HEADER = "idempotency-key"
REPLAYED_HEADER = {"Idempotent-Replayed": "true"}
MAX_KEY_CHARACTERS = 255  # characters of such a key
KEPT_SECONDS = 24 * 3600.0
A_KEY_BYTES = 64 << 20  # of answers
CLAIM_SECONDS = 120.0  # after which whoever began is taken for dead
PATIENCE, POLL = 30.0, 0.05  # seconds that one waits for another process's answer
TIDY_EVERY = 100  # answers
BUSY_SECONDS = 5.0  # that the database may be another process's
TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    api_key TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, owner TEXT NOT NULL, at REAL NOT NULL, answer BLOB,
    PRIMARY KEY (api_key, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_at ON answers (at);
"""


@dataclass(frozen=True, slots=True)
class Retried:
    """A request that may come again: `name` tells it from others of its API key, `body` from others of its name."""

    key: ApiKey
    name: str
    body: str

    def id_of(self, what: str) -> str:
        """The id of something that this request makes."""
        return derived_id(self.key.digest, self.name, self.body, what)


class Answers:
    """What one gateway process knows of them; belongs to its event loop."""

    def __init__(self, path: Path) -> None:
        self._path, self._owner = path, uuid.uuid4().hex
        self._thread = ThreadPoolExecutor(1, "answers")
        self._database: sqlite3.Connection | None = None
        self._under_way: dict[tuple[str, str], tuple[str, asyncio.Task[Response]]] = {}
        self._kept = 0

    def close(self) -> None:
        """Whatever is under way was answered."""
        if self._database is not None:
            self._thread.submit(self._database.close).result()
        self._thread.shutdown()

    async def once(self, request: Request, body: bytes, make: Callable[[], Awaitable[Response]]) -> Response:
        """What `make` answers, or answered before; raises ApiError 400, 409, 422 or 503."""
        given = request.headers.get(HEADER)
        if given is None:
            return await make()
        retried = _retried(request, given, body)
        request.scope["retried"] = retried
        place = (retried.key.key_id, retried.name)
        if place in self._under_way:
            of, task = self._under_way[place]
            _check(retried, of)
            return _again(bytes((await asyncio.shield(task)).body))
        task = asyncio.create_task(self._made(retried, make))
        self._under_way[place] = retried.body, task
        task.add_done_callback(lambda _: self._under_way.pop(place, None))
        return await asyncio.shield(
            task
        )  # it goes on where the client leaves: that is what it may ask again for

    async def _made(self, retried: Retried, make: Callable[[], Awaitable[Response]]) -> Response:
        known = await self._claimed(retried)
        if known is not None:
            return _again(known)
        try:
            response = await make()
        except BaseException:
            await self._run(self._forget, retried)
            raise
        await self._run(self._keep, retried, bytes(response.body))
        return response

    async def _claimed(self, retried: Retried) -> bytes | None:
        """The answer where there is one; None where it is for this process to make it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            mine, answer = await self._run(self._claim, retried)
            if mine or answer is not None:
                return answer
            if time.monotonic() > deadline:
                message = "the same request is still under way in another process; ask again later"
                raise ApiError(409, message, code="idempotency_under_way", param=HEADER, retry_after=2)
            await asyncio.sleep(POLL)

    async def _run(self, work: Callable[..., Made], *arguments: object) -> Made:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except sqlite3.Error as error:
            log.error("answers", extra={"error": str(error)[:300]})  # noqa: TRY400 - a full disk needs no traceback
            message = f"a request that is answered once needs a record: {error}"
            raise ApiError(503, message, code="not_durable", retry_after=5) from None

    def _claim(self, retried: Retried) -> tuple[bool, bytes | None]:
        """Whether it is for this process to answer, and the answer where there is one; raises ApiError 422."""
        database, now = self._opened(), time.time()
        with database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM answers WHERE at < ?", (now - KEPT_SECONDS,))
            where = (retried.key.key_id, retried.name)
            found = database.execute(
                "SELECT body, owner, at, answer FROM answers WHERE api_key = ? AND name = ?", where
            ).fetchone()
            if found is not None:
                body, owner, at, answer = found
                _check(retried, body)
                if answer is not None or (owner != self._owner and now - at < CLAIM_SECONDS):
                    return False, answer
            database.execute(
                "REPLACE INTO answers VALUES (?, ?, ?, ?, ?, NULL)", (*where, retried.body, self._owner, now)
            )
        return True, None

    def _keep(self, retried: Retried, answer: bytes) -> None:
        database = self._opened()
        with database:
            database.execute(
                "UPDATE answers SET answer = ?, at = ? WHERE api_key = ? AND name = ?",
                (answer, time.time(), retried.key.key_id, retried.name),
            )
            self._kept += 1
            if self._kept % TIDY_EVERY == 0:
                self._tidy(database, retried.key.key_id)

    def _forget(self, retried: Retried) -> None:
        with self._opened() as database:
            database.execute(
                "DELETE FROM answers WHERE api_key = ? AND name = ? AND answer IS NULL",
                (retried.key.key_id, retried.name),
            )

    def _tidy(self, database: sqlite3.Connection, api_key: str) -> None:
        """The oldest of a key's answers go where it has too many bytes of them."""
        database.execute(
            """DELETE FROM answers WHERE api_key = ?1 AND at <= (
                SELECT max(at) FROM (
                    SELECT at, sum(length(answer)) OVER (ORDER BY at DESC) AS bytes
                    FROM answers WHERE api_key = ?1) WHERE bytes > ?2)""",
            (api_key, A_KEY_BYTES),
        )

    def _opened(self) -> sqlite3.Connection:
        """In the one thread that uses it."""
        if self._database is None:
            os.close(
                os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            )  # a power cut may take the last answers
            self._database = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._database.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; {TABLES}")
        return self._database


def _retried(request: Request, given: str, body: bytes) -> Retried:
    given = given.strip().strip('"')  # a string of RFC 8941, as the draft has it, or bare, as most send it
    if not 0 < len(given) <= MAX_KEY_CHARACTERS or not given.isprintable():
        allowed = f"1 to {MAX_KEY_CHARACTERS} printable ones, best a UUID"
        message = f"an Idempotency-Key of {len(given)} characters; {allowed}"
        raise ApiError(400, message, code="invalid_value", param=HEADER)
    name = hashlib.blake2b(f"{request.url.path}\0{given}".encode(), digest_size=16).hexdigest()
    return Retried(request.scope["api_key"], name, hashlib.blake2b(body, digest_size=16).hexdigest())


def _check(retried: Retried, body: str) -> None:
    if retried.body != body:
        message = "this Idempotency-Key came with another body before; send a new key with a new request"
        raise ApiError(422, message, code="idempotency_key_reused", param=HEADER)


def _again(answer: bytes) -> Response:
    return Response(answer, headers=REPLAYED_HEADER, media_type="application/json")
