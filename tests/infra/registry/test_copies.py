"""Tags of the registry never become paths, and a local copy is what was registered at every use."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import pytest
from made_up_traffic import another_version, two_versions

from infra.registry import ForeignVersionError, LostBundleError, Registry
from infra.registry.registry import DIGEST
from models.bundle.manifest import TamperedBundleError, verify


@pytest.fixture
def store(settings):
    return two_versions(settings)


@pytest.fixture
def registry(store):
    return store.registry


def artifacts(registry, number):
    """The folder that the registry has a version's bundle in."""
    uri = registry.client.get_model_version_download_uri(registry.name, str(number))
    return Path(urlparse(uri).path) / "artifacts" / "bundle"


def tagged(registry, value, number=1):
    if value is None:
        registry.client.delete_model_version_tag(registry.name, str(number), DIGEST)
    else:
        registry.client.set_model_version_tag(registry.name, str(number), DIGEST, value)
    return registry.version(number)


@pytest.mark.parametrize("kind", ["absolute", "up", "home", "missing", "dot", "short", "upper"])
def test_a_tag_that_is_no_digest_touches_no_file(settings, registry, tmp_path, kind):
    kept = [tmp_path / "dear", settings.home / "dear", settings.home / "bundles" / "dear"]
    for folder in kept:
        folder.mkdir(parents=True)
        (folder / "letter").write_text("dear")
    value = {
        "absolute": str(tmp_path / "dear"),
        "up": "..",
        "home": "../",
        "missing": None,
        "dot": ".",
        "short": "dear",
        "upper": registry.version(2).digest.upper(),
    }[kind]
    with pytest.raises(ForeignVersionError, match="was not registered by Moderato"):
        registry.fetch(tagged(registry, value))
    assert all((folder / "letter").read_text() == "dear" for folder in kept)


def test_a_whole_bundle_that_is_another_one_s_is_not_taken(settings, registry):
    """Whoever can write a tag can otherwise let one bundle pass for another."""
    ours, theirs = registry.version(1), registry.version(2)
    shutil.rmtree(artifacts(registry, 1))
    shutil.copytree(artifacts(registry, 2), artifacts(registry, 1))
    with pytest.raises(TamperedBundleError, match="another bundle's"):
        registry.fetch(ours)
    assert verify(registry.fetch(theirs)) == theirs.digest
    assert [path.name for path in (settings.home / "bundles").iterdir() if path.is_dir()] == [
        theirs.digest[:16]
    ]


def test_a_changed_copy_is_fetched_again_at_its_next_use(registry):
    version = registry.version(1)
    copy = registry.fetch(version)
    (copy / "manifest.json").write_text(json.dumps({"format": 1, "files": {}}))  # whole, and another bundle
    assert verify(copy) != version.digest
    assert verify(registry.fetch(version)) == version.digest


def test_a_link_in_the_place_of_a_copy_is_replaced_and_what_it_leads_to_stays(registry, tmp_path):
    version = registry.version(1)
    copy = registry.fetch(version)
    shutil.move(copy, tmp_path / "elsewhere")
    copy.symlink_to(tmp_path / "elsewhere")
    assert not registry.fetch(version).is_symlink()
    assert (tmp_path / "elsewhere" / "manifest.json").exists()


def test_a_changed_copy_stays_where_the_registry_has_no_whole_one(registry):
    version = registry.version(1)
    copy = registry.fetch(version)
    (copy / "added").write_text("")
    shutil.rmtree(artifacts(registry, 1))
    with pytest.raises(LostBundleError, match="gone from MLflow, and no whole copy is on this machine"):
        registry.fetch(version)
    assert (copy / "manifest.json").exists()


def test_a_whole_copy_needs_no_registry(registry):
    version = registry.version(1)
    copy = registry.fetch(version)
    shutil.rmtree(artifacts(registry, 1))
    assert registry.fetch(version) == copy


@pytest.mark.parametrize("wrote", ["an essay", "-3", "1e9", "\u0663"])
def test_a_number_that_a_person_wrote_for_the_champion_before_is_none(registry, wrote):
    registry.client.set_model_version_tag(registry.name, "1", "moderato.previous_champion", wrote)
    assert registry.champion().previous_champion == 0


def test_a_snapshot_s_id_that_leads_elsewhere_is_refused(store):
    version = replace(store.registry.version(1), snapshot="../../elsewhere")
    with pytest.raises(ValueError, match="invalid_name"):
        store.lake.snapshot(version.snapshot)


def test_every_champion_is_remembered_by_the_model_itself(store):
    from infra.registry import deciders

    third = another_version(store)
    store.registry.promote(third)
    store.registry.promote(third)
    store.registry.client.delete_model_version(store.registry.name, str(third))
    assert [(it.version, len(it.digest)) for it in deciders(Registry(store.settings))] == [(1, 64), (3, 64)]
