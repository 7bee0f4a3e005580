import pytest

from infra.registry import Registry
from infra.registry.backbones import BACKBONE, publish_backbone
from infra.registry.registry import KEY
from infra.weights import fetch

FILES = {"backbone.json": b"{}", "backbone.safetensors": b"weights"}


@pytest.fixture
def registry(settings):
    return Registry(settings)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "given").mkdir()
    for name, content in FILES.items():
        (tmp_path / "given" / name).write_bytes(content)
    return tmp_path / "given"


@pytest.fixture
def publish(registry, folder):
    run_id = registry.client.create_run(registry.experiment_id).info.run_id

    def run(key, alias="clip"):
        return publish_backbone(
            registry, folder, key=key, run_id=run_id, alias=alias, tags={"preset": alias}, note="of a test"
        )

    return run


def test_a_key_is_registered_once_and_the_newest_of_a_family_has_its_name(registry, publish):
    first, again, second, other = publish("one"), publish("one"), publish("two"), publish("three", "eva")
    assert (first.version, again.version, second.version, other.version) == (1, 1, 2, 3)
    for alias, version in (("clip", 2), ("eva", 3), ("latest", 3)):
        assert registry.client.get_model_version_by_alias(BACKBONE, alias).version == version
    entry = registry.client.get_model_version(BACKBONE, "1")
    assert entry.tags == {"preset": "clip", KEY: "one"}
    assert entry.description == "of a test"
    assert registry.versions() == []  # of models that decide


def test_what_was_logged_before_a_kill_is_not_logged_again(registry, publish, folder):
    from infra.registry.backbones import _log

    first = publish("one")
    logged = _log(registry, folder, first.run_id, "two")
    version = publish("two")
    assert registry.client.get_model_version(BACKBONE, str(version.version)).source == f"models:/{logged}"


@pytest.mark.parametrize("address", ["@clip", "@latest", "/1"])
def test_weights_come_back_as_they_went(settings, publish, folder, address):
    made = publish("one")
    assert made.address == f"models:/{BACKBONE}/1"
    found = fetch(settings, f"models:/{BACKBONE}{address}")
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == FILES
    assert found.digest == fetch(settings, str(folder)).digest
