"""Who may come in: the key of a request, its scope, and how many requests a second it may make."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.requests import Request

from infra.gateway.auth.keys import ApiKey, KeyStore, Scope, id_of
from infra.gateway.errors import ApiError

log = logging.getLogger(__name__)

BURST = 2.0  # seconds' worth of requests that may come at once
LOOK_AGAIN = 0.1  # seconds between two looks for keys that are not known yet
MISSING = "no API key: send Authorization: Bearer KEY; moderato keys create makes one"
UNKNOWN = "unknown or revoked API key; moderato keys list shows them"


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` tokens a second flow in, up to BURST seconds' worth."""

    rate: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Seconds until there is a token; 0 where one was taken."""
        self.tokens = min(max(self.rate * BURST, 1.0), self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class Doorkeeper:
    """Keeps the keys at hand: `refresh` brings new ones and revocations in; without the lake the last ones count."""

    def __init__(self, store: KeyStore, rate: float) -> None:
        self.store, self.rate = store, rate
        self._keys: dict[str, ApiKey] | None = None  # None until they were read once
        self._buckets: dict[str, Bucket] = {}
        self._looked = -LOOK_AGAIN
        self._looking = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "keys")  # its own: whoever comes in waits for nobody's look-ups

    def close(self) -> None:
        self._thread.shutdown()

    def refresh(self) -> None:
        self._keys = {key.key_id: key for key in self.store.all() if key.revoked_at is None}

    async def admit(self, request: Request, scope: Scope | None) -> None:
        """Raises ApiError 401, 403, 429 or 503; no scope means that any key will do."""
        presented = _presented(request.headers.get("authorization", ""))
        if not presented:
            raise ApiError(401, MISSING, code="missing_api_key")
        key = self._known(presented) or await self._looked_up(presented)
        if key is None:
            raise ApiError(401, UNKNOWN, code="invalid_api_key")
        request.scope["key_id"], request.scope["api_key"] = key.key_id, key
        if scope is not None and not key.allows(scope):
            message = f"this key has the scopes {', '.join(key.scopes)}, and {request.url.path} needs {scope}"
            raise ApiError(403, message, code="insufficient_scope")
        self._charge(key.key_id)

    def _known(self, presented: str) -> ApiKey | None:
        key = (self._keys or {}).get(id_of(presented))
        return key if key is not None and key.opens(presented) else None

    async def _looked_up(self, presented: str) -> ApiKey | None:
        """A key that was made a moment ago counts at once; whoever asks meanwhile shares one look."""
        arrived = time.monotonic()
        async with self._looking:
            if self._looked < arrived:
                await asyncio.sleep(max(0.0, self._looked + LOOK_AGAIN - time.monotonic()))
                self._looked = time.monotonic()
                try:
                    await asyncio.get_running_loop().run_in_executor(self._thread, self.refresh)
                except Exception as error:  # noqa: BLE001 - whatever the lake's store raises
                    log.warning("keys cannot be read", extra={"error": str(error)[:300]})
        if self._keys is None:
            raise ApiError(503, "the keys cannot be read; the log says why", code="not_ready", retry_after=5)
        return self._known(presented)

    def _charge(self, key_id: str) -> None:
        now = time.monotonic()
        bucket = self._buckets.setdefault(key_id, Bucket(self.rate, self.rate * BURST, now))
        wait = bucket.take(now)
        if wait:
            message = f"more than {self.rate:g} requests a second with this key"
            raise ApiError(429, message, code="rate_limited", retry_after=int(wait) + 1)


def _presented(authorization: str) -> str:
    """The key in a Bearer header, or in the password that a browser sends."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""
