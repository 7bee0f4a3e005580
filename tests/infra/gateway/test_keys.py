import json
import subprocess
import sys

import pytest
from gateway_server import Served, until

from infra.gateway import KeyStore, Scope, UnknownKeyError
from infra.lake import open_lake


@pytest.fixture
def store(lake):
    return KeyStore.of(lake)


def test_only_the_digest_of_a_key_is_kept(store, settings):
    key, kept = store.create([Scope.DECIDE], "crawler")
    assert kept.opens(key)
    assert not kept.opens(key[:-1])
    secret = key.rsplit("_", 1)[1].encode()
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert files
    assert not any(secret in path.read_bytes() for path in files)


def test_a_revoked_key_opens_nothing_and_stays_listed(store):
    key, kept = store.create([Scope.DECIDE])
    assert store.revoke(kept.key_id).revoked_at == store.revoke(kept.key_id).revoked_at
    (listed,) = store.all()
    assert not listed.opens(key)


def test_revoking_an_unknown_key_names_the_known_ones(store):
    _, kept = store.create([Scope.READ])
    with pytest.raises(UnknownKeyError, match=f"no key 'nobody'; choose one of: {kept.key_id}"):
        store.revoke("nobody")


def test_a_running_gateway_follows_a_new_key_at_once_and_a_revocation_soon(gateway):
    store = KeyStore.of(open_lake(gateway.settings))
    key, kept = store.create([Scope.DECIDE])
    with Served(gateway.settings, gateway.url, key).client() as client:

        def status():
            return client.post("/v1/moderations", json={"input": "plain1"}).status_code

        until(lambda: status() == 200)
        store.revoke(kept.key_id)
        until(lambda: status() == 401)


def moderato(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", "keys", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_makes_lists_and_revokes_keys():
    made = json.loads(moderato("create", "--scope", "decide", "--scope", "read", "--json").stdout)
    assert made["scopes"] == ["decide", "read"]
    listed = moderato("list", "--json").stdout
    assert made["id"] in listed
    assert made["key"] not in listed
    assert moderato("revoke", made["id"]).stdout == f"{made['id']} is revoked\n"
    assert json.loads(moderato("list", "--json").stdout)["keys"][0]["revoked_at"] is not None


def test_the_command_says_which_scopes_there_are():
    refused = moderato("create", "--scope", "everything")
    assert refused.returncode == 2
    assert "decide" in refused.stderr
    assert "Traceback" not in refused.stderr
