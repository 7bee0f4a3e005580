"""Approval codes say who answers, about one version, for ten minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.gateway import KeyStore, Scope
from infra.gateway.auth.codes import LIFE, CodeError, sign, signer

ABOUT = "version 7 of moderato"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def store(lake):
    return KeyStore.of(lake)


def test_a_code_names_its_key_and_holds_no_secret(store):
    key, kept = store.create([Scope.APPROVE], "a release manager")
    code = sign(key, ABOUT, NOW)
    assert signer(store, f" {code}\n", ABOUT, NOW).name == "a release manager"
    assert kept.key_id in code
    assert key.rpartition("_")[2] not in code
    assert kept.digest not in code


def test_what_admin_may_includes_it(store):
    key, kept = store.create([Scope.ADMIN])
    assert signer(store, sign(key, ABOUT, NOW), ABOUT, NOW).key_id == kept.key_id


def test_one_that_was_good_when_it_was_given_stays_so(store):
    key, kept = store.create([Scope.APPROVE])
    answered = datetime.now(UTC)
    code = sign(key, ABOUT, answered)
    store.revoke(kept.key_id)
    assert signer(store, code, ABOUT, answered).key_id == kept.key_id


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"subject": "version 8 of moderato"}, "was not made for version 8 of moderato"),
        ({"answered": NOW + LIFE + timedelta(seconds=1)}, "that code is over: one counts for 10 minutes"),
        ({"code": "approved"}, "that is no approval code; moderato sign prints one"),
        ({"scope": Scope.DECIDE}, "has the scopes decide, and an approval needs approve"),
    ],
)
def test_a_code_that_proves_nothing_is_refused_with_a_way_on(store, change, told):
    key, _ = store.create([change.get("scope", Scope.APPROVE)])
    code = change.get("code") or sign(key, ABOUT, NOW)
    with pytest.raises(CodeError, match=told):
        signer(store, code, change.get("subject", ABOUT), change.get("answered", NOW))


def test_neither_another_key_nor_a_later_hour_can_be_written_into_it(store):
    key, kept = store.create([Scope.APPROVE])
    _, other = store.create([Scope.APPROVE])
    code = sign(key, ABOUT, NOW)
    later = f"{kept.key_id}-{int((NOW + timedelta(days=1)).timestamp()):08x}-{code.rpartition('-')[2]}"
    for forged in (code.replace(kept.key_id, other.key_id), later):
        with pytest.raises(CodeError, match="was not made for"):
            signer(store, forged, ABOUT, NOW)


def test_what_is_no_key_signs_nothing():
    with pytest.raises(CodeError, match="that is no key of Moderato"):
        sign("opensesame", ABOUT, NOW)
