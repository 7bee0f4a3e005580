"""API keys: made of 256 random bits, kept as their digest in the lake, so that a revocation reaches every gateway.

A key is `mod_<id>_<secret>`. A digest of a long random secret needs no salt and no slow hash: it cannot be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from infra.lake import Lake, Table
from models.domain.errors import UserError
from models.domain.schemas import TIME

PREFIX = "mod"

API_KEYS = pa.schema(
    [
        pa.field("key_id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),  # SHA-256 of the whole key
        pa.field("scopes", pa.list_(pa.string()), nullable=False),
        pa.field("created_at", TIME, nullable=False),
        pa.field("revoked_at", TIME),
    ]
)


class UnknownKeyError(UserError):
    """A key id that nobody was given."""


class Scope(StrEnum):
    """What a key is good for; admin includes the others."""

    DECIDE = "decide"
    READ = "read"  # decisions that the same key asked for
    APPROVE = "approve"  # who may answer an approval
    ADMIN = "admin"  # decisions of every key


@dataclass(frozen=True)
class ApiKey:
    """What is kept of a key."""

    key_id: str
    name: str
    digest: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked_at: datetime | None = None

    def opens(self, key: str) -> bool:
        """Whether this is the key; takes as long for a wrong one as for the right one."""
        return hmac.compare_digest(self.digest, digest_of(key)) and self.revoked_at is None

    def allows(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True)
class KeyStore:
    """The keys of one lake."""

    table: Table

    @classmethod
    def of(cls, lake: Lake) -> KeyStore:
        return cls(Table(lake.path("api_keys.lance"), API_KEYS, ("key_id",), lake.storage_options))

    def create(self, scopes: Iterable[Scope], name: str = "") -> tuple[str, ApiKey]:
        """A new key, which is seen here and never again, and what is kept of it."""
        key_id = secrets.token_hex(6)
        key = f"{PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"
        kept = ApiKey(key_id, name, digest_of(key), tuple(dict.fromkeys(scopes)), datetime.now(UTC))
        self._write(kept)
        return key, kept

    def all(self) -> list[ApiKey]:
        """Every key, oldest first, the revoked ones too."""
        if not self.table.exists():
            return []
        rows = self.table.open().to_table().to_pylist()
        return sorted((_read(row) for row in rows), key=lambda key: key.created_at)

    def revoke(self, key_id: str) -> ApiKey:
        """Close a key for good; again changes nothing. Raises UnknownKeyError."""
        known = {key.key_id: key for key in self.all()}
        found = known.get(key_id)
        if found is None:
            raise UnknownKeyError(f"no key {key_id!r}; choose one of: {', '.join(known) or 'none yet'}")
        if found.revoked_at is None:
            found = ApiKey(**{**vars(found), "revoked_at": datetime.now(UTC)})
            self._write(found)
        return found

    def _write(self, key: ApiKey) -> None:
        self.table.upsert([pa.RecordBatch.from_pylist([vars(key)], schema=API_KEYS)])


def id_of(key: str) -> str:
    """The id that a key carries; empty where it is no key of ours."""
    parts = key.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else ""  # noqa: PLR2004 - prefix, id, secret


def digest_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _read(row: dict[str, Any]) -> ApiKey:
    return ApiKey(**{**row, "scopes": tuple(Scope(scope) for scope in row["scopes"])})
