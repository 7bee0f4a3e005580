"""Approval codes: they say who answers, for a few minutes and one version, and hold no secret.

A form of Prefect's keeps what is typed into it, so that nobody shall type a key there. A code is signed with the key
and can be checked by who knows the key's digest: whoever can read the lake's table of keys could make one up, and could
write the answer itself into the lake as well.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

from infra.gateway.auth.keys import ApiKey, KeyStore, Scope, digest_of, id_of
from models.domain.errors import UserError

LIFE = timedelta(minutes=10)
FORM = re.compile(r"([0-9a-f]{12})-([0-9a-f]{8})-([0-9a-f]{40})")


class CodeError(UserError):
    """An approval code that says nothing about who answers."""


def sign(key: str, subject: str, now: datetime) -> str:
    """A code of the key's holder about `subject`; raises CodeError where that is no key."""
    if not id_of(key):
        raise CodeError("that is no key of Moderato; moderato keys create --scope approve makes one")
    expires = int((now + LIFE).timestamp())
    return f"{id_of(key)}-{expires:08x}-{_signature(digest_of(key), subject, expires)}"


def signer(store: KeyStore, code: str, subject: str, answered: datetime) -> ApiKey:
    """Whose code it is, and good for `subject` when it was given; raises CodeError."""
    parts = FORM.fullmatch(code.strip())
    if parts is None:
        raise CodeError("that is no approval code; moderato sign prints one")
    key_id, expires, signature = parts[1], int(parts[2], 16), parts[3]
    key = next((it for it in store.all() if it.key_id == key_id), None)
    if key is None or not hmac.compare_digest(signature, _signature(key.digest, subject, expires)):
        raise CodeError(
            f"that code was not made for {subject}, or its key is not known here; moderato sign prints one"
        )
    if key.revoked_at is not None and key.revoked_at < answered:
        raise CodeError(f"the key {key_id} is revoked; moderato keys list shows who may approve")
    if not key.allows(Scope.APPROVE):
        raise CodeError(
            f"the key {key_id} has the scopes {', '.join(key.scopes)}, and an approval needs approve"
        )
    if answered > datetime.fromtimestamp(expires, UTC):
        raise CodeError(
            f"that code is over: one counts for {LIFE.seconds // 60} minutes; moderato sign prints another"
        )
    return key


def _signature(digest: str, subject: str, expires: int) -> str:
    return hmac.new(digest.encode(), f"{subject} {expires}".encode(), hashlib.sha256).hexdigest()[:40]
