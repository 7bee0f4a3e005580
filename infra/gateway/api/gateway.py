"""The gateway's parts put together: posts go to whoever decides them, and nothing is given out before it is durable."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import orjson
from lance import Session

from infra.gateway.api.answers import Answers
from infra.gateway.api.drift import Drift
from infra.gateway.api.limits import Bodies
from infra.gateway.api.opening import Openers
from infra.gateway.api.telemetry import Metrics
from infra.gateway.auth.authentication import Doorkeeper
from infra.gateway.auth.keys import KeyStore
from infra.gateway.errors import ApiError
from infra.gateway.fairness import Turns
from infra.gateway.journal.aside import JOURNAL
from infra.gateway.journal.journal import Journal, JournalError
from infra.gateway.journal.journal_export import Shipper
from infra.gateway.journal.records import record
from infra.gateway.media.image_fetcher import Fetcher
from infra.gateway.models.batching import Batcher
from infra.gateway.models.live_models import LoadedModel, ModelPool, Routing
from infra.gateway.models.rows import CHALLENGER, CHAMPION, SHADOW, Content, Row, Waiting, rows_of
from infra.lake import open_lake
from infra.rollout import is_shadowed, meets_challenger
from infra.settings import Settings

log = logging.getLogger(__name__)

SHIP_EVERY = 2.0  # seconds
DRIFT_EVERY = 15.0  # seconds between two looks at what the watch found
MAX_QUEUE_SECONDS = 2.0  # seconds that a post may wait for its batch before new ones are turned away
ANSWERS = "answers.db"  # under home
LOOK_UPS, LOOK_UP_SECONDS = (
    4,
    10.0,
)  # threads that look for decisions of before, and how long one waits for them
INDEX_BYTES = 2**28  # of the decisions' index that are kept in memory


@dataclass(frozen=True, slots=True)
class Decided:
    """A row of the decisions table, what it is about, and the model that made it."""

    row: Row
    content: Content
    served: LoadedModel


class Gateway:
    """One process's gateway, between `start` and `stop`."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.metrics, self.lake = settings, Metrics(), open_lake(settings)
        self.deck = ModelPool(
            settings,
            lambda version: self.metrics.refused.labels(version).inc(),
            self.metrics.stands_in.set,
        )
        self.doorkeeper = Doorkeeper(KeyStore.of(self.lake), settings.gateway_rate)
        self.journals = settings.home.absolute() / JOURNAL
        self.bodies = Bodies(settings.gateway_max_body)
        self.openers = Openers(settings, Fetcher(settings.image_hosts))
        self.look_ups = Turns("look-up", LOOK_UPS, LOOK_UPS // 2, LOOK_UP_SECONDS)
        self.decisions = replace(self.lake.decisions, session=Session(index_cache_size_bytes=INDEX_BYTES))
        self.answers = Answers(settings.home.absolute() / ANSWERS)
        self.batcher = Batcher(
            rows_of,
            self._settle,
            batch=settings.gateway_batch,
            capacity=settings.gateway_queue,
            patience=MAX_QUEUE_SECONDS,
        )
        self.drift = Drift(self.lake.findings, self.metrics.registry)
        self._settling: set[asyncio.Task[None]] = set()
        self._chores: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(4, "chore")

    async def start(self) -> None:
        """Returns once there is somebody who decides, or a reason why not."""
        self.journal = Journal(self.journals)
        self.shipper = Shipper(
            self.journals,
            self.journal,
            self.lake.decisions,
            self.metrics.shipped.inc,
            self.metrics.damaged.inc,
        )
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            loop.run_in_executor(self._threads, self.deck.refresh),
            loop.run_in_executor(self._threads, _attempt, self.doorkeeper.refresh),
        )
        self.batcher.start()
        gc.collect()
        gc.freeze()  # libraries and models stay: to look through them again and again stalls requests for 0.2 s
        refresh = self.settings.gateway_refresh_seconds
        self._chores = [
            asyncio.create_task(self._every(refresh, self.deck.refresh)),
            asyncio.create_task(self._every(refresh, self.doorkeeper.refresh)),
            asyncio.create_task(self._every(DRIFT_EVERY, self.drift.refresh)),
            asyncio.create_task(
                self._every(SHIP_EVERY, self.shipper.ship, self.shipper.recover, self.shipper.compact)
            ),
        ]

    async def stop(self) -> None:
        """Every request was answered; what they decided goes to the lake as far as it can be reached."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self.batcher.stop()
        await asyncio.gather(*self._settling)
        self._threads.shutdown()
        for part in (self.bodies, self.openers, self.look_ups, self.answers, self.doorkeeper):
            part.close()
        _attempt(self.shipper.ship)
        self.journal.close()

    async def _every(self, seconds: float, *chores: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for chore in chores:
                await loop.run_in_executor(self._threads, _attempt, chore)
            await asyncio.sleep(seconds)

    async def decide(self, contents: Sequence[Content], opened_for: Routing | None = None) -> list[Decided]:
        """Each post's durable row, and whose it is; raises ApiError.

        Pictures and videos were opened for the models of one standing. Where it has changed since, and a model that
        is new wants them otherwise, the ones of before decide: nothing is decoded where posts are scored.
        """
        if not contents:
            return []
        standing = self.deck.standing
        if opened_for is not None and not all(content.suits(standing) for content in contents):
            standing = opened_for
        if standing.champion is None:
            raise _not_ready(standing)
        self.batcher.admit(len(contents), contents[0].key_id)
        loop, arrived = asyncio.get_running_loop(), time.perf_counter()
        posts = [_assigned(content, standing, arrived, loop.create_future()) for content in contents]
        for post in posts:
            self.batcher.put(post)
        rows = await asyncio.gather(*(post.done for post in posts if post.done is not None))
        failed = next((row for row in rows if row["error"] is not None), None)
        if failed is not None:
            raise ApiError(
                503,
                f"version {failed['model_version']} failed on this post; decision {failed['decision_id']} records it",
                code="model_failed",
            )
        return [Decided(row, post.content, post.served) for row, post in zip(rows, posts, strict=True)]

    @property
    def champion(self) -> LoadedModel:
        """Who decides; raises ApiError 503 where that is nobody."""
        standing = self.deck.standing
        if standing.champion is None:
            raise _not_ready(standing)
        return standing.champion

    def _settle(self, batch: list[Waiting], rows: list[Row]) -> None:
        """Make a batch durable while the next one is scored."""
        task = asyncio.create_task(self._commit(batch, rows))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _commit(self, batch: list[Waiting], rows: list[Row]) -> None:
        try:
            await self.journal.commit(b"".join(record(orjson.dumps(row)) for row in rows))
        except JournalError as error:
            log.error("journal", extra={"error": str(error)})  # noqa: TRY400 - a full disk needs no traceback
            refusal = ApiError(
                503, f"no decision without a record: {error.strerror}", code="not_durable", retry_after=5
            )
            for post in batch:
                if post.done is not None and not post.done.done():
                    post.done.set_exception(refusal)
            return
        self.metrics.batch.observe(len(batch))
        self.metrics.depth.set(self.batcher.depth)
        for post, row in zip(batch, rows, strict=True):
            self.metrics.actions.labels(row["model_version"], row["role"], row["action"] or "error").inc()
            if post.done is not None:
                if not post.done.done():
                    post.done.set_result(row)
                self._shadow(post, row)

    def _shadow(self, post: Waiting, row: Row) -> None:
        """Give a copy to the model that did not decide, where the rollout draws one."""
        standing = self.deck.standing
        rollout, champion, challenger = standing.rollout, standing.champion, standing.challenger
        if rollout is None or champion is None or challenger is None or row["error"] is not None:
            return
        if is_shadowed(post.content.post_id, rollout.id, rollout.shadow):
            other = challenger if post.role == CHAMPION else champion
            copy = Waiting(
                post.content, other, SHADOW, time.perf_counter(), rollout.id, rollout.stage,
                shadow_of=row["decision_id"], live_action=row["action"],
                live_policies=[reason["policy"] for reason in row["reasons"]],
            )  # fmt: skip
            if not copy.content.suits(standing) or not self.batcher.put_shadow(copy):
                self.metrics.dropped.inc()


def _not_ready(standing: Routing) -> ApiError:
    return ApiError(503, standing.reason, code="not_ready", retry_after=2)


def _assigned(content: Content, standing: Routing, arrived: float, done: asyncio.Future[Row]) -> Waiting:
    """The post with the model that decides it."""
    champion, challenger, rollout = standing.champion, standing.challenger, standing.rollout
    assert champion is not None
    if rollout is None or challenger is None:
        return Waiting(content, champion, CHAMPION, arrived, done=done)
    drawn = meets_challenger(content.post_id, rollout.id, rollout.share)
    served, role = (challenger, CHALLENGER) if drawn else (champion, CHAMPION)
    return Waiting(content, served, role, arrived, rollout.id, rollout.stage, done=done)


def _attempt(chore: Callable[[], None]) -> None:
    """A chore that fails is said, and tried again at its next time."""
    try:
        chore()
    except Exception:
        log.exception("chore failed", extra={"chore": chore.__qualname__})
