import pytest

from infra.forms import FormError
from infra.objects import Objects, StoredObject
from infra.registry import Registry
from infra.weights import NoWeightsError, at_hand, fetch, ready

FILES = {"config.json": b"{}", "vision/model.safetensors": b"weights"}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "given" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "given"


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_no_address_is_no_weights(settings):
    assert fetch(settings, "") is None


def test_a_folder_is_known_by_the_names_and_bytes_of_its_files(settings, folder):
    first = fetch(settings, str(folder))
    assert first.folder == folder
    assert first == fetch(settings, str(folder))
    (folder / "config.json").write_bytes(b"{ }")
    assert fetch(settings, str(folder)).digest != first.digest


def test_a_name_alone_is_a_folder_under_home(settings, folder):
    place = at_hand(settings) / "clip"
    place.parent.mkdir(parents=True)
    folder.rename(place)
    assert fetch(settings, "clip").folder == place
    (found,) = (weights for weights in ready(settings) if weights.where == "folder")
    assert (found.address, found.family) == ("clip", "clip")
    assert found.bytes == sum(map(len, FILES.values()))


@pytest.mark.parametrize(
    ("config", "family"),
    [
        (b'{"architecture": "resnet18"}', "image"),
        (b'{"model_type": "bert", "vocab_size": 9}', "text"),
        (b"{}", None),
        (b"[]", None),
        (b"\xff", None),
    ],
)
def test_a_folder_is_of_the_family_whose_library_wrote_it(settings, config, family):
    place = at_hand(settings) / "mine"
    place.mkdir(parents=True)
    (place / "config.json").write_bytes(config)
    found = [weights.family for weights in ready(settings) if weights.where == "folder"]
    assert found == ([family] if family else [])


def test_what_the_hubs_cache_holds_is_at_hand(settings, folder, tmp_path, monkeypatch):
    import huggingface_hub.constants as hub

    cache = tmp_path / "cache" / "models--timm--tf_efficientnet_lite0.in1k"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("a" * 40)
    (cache / "snapshots").mkdir()
    folder.rename(cache / "snapshots" / ("a" * 40))
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "cache"))
    (found,) = (weights for weights in ready(settings) if weights.where == "hub's cache")
    assert (found.address, found.family) == ("hf-hub:timm/tf_efficientnet_lite0.in1k", "image")


@pytest.mark.parametrize("address", ["clip", "models:/nothing@latest", "models:/nothing/3", "hf-hub:no name"])
def test_an_address_without_weights_says_what_may_stand_there(settings, address):
    with pytest.raises(NoWeightsError, match=r"weights at|cannot fetch hf-hub:no name"):
        fetch(settings, address)


@pytest.mark.slow
def test_weights_come_from_the_registry_by_alias_and_version(settings, folder):
    registry = Registry(settings)
    client = registry.client
    run = client.create_run(registry.experiment_id)
    client.log_artifacts(run.info.run_id, str(folder), "backbone")
    client.create_registered_model("moderato-backbone")
    source = f"{run.info.artifact_uri}/backbone"
    version = client.create_model_version("moderato-backbone", source, run.info.run_id)
    client.set_registered_model_alias("moderato-backbone", "latest-good", version.version)
    by_alias = fetch(settings, "models:/moderato-backbone@latest-good")
    assert contents(by_alias.folder) == FILES
    assert by_alias == fetch(settings, f"models:/moderato-backbone/{version.version}")
    assert by_alias.digest == fetch(settings, str(folder)).digest


@pytest.mark.slow
@pytest.mark.s3
def test_weights_come_from_s3_once_and_anew_when_they_change(s3_server, tmp_path):
    settings = s3_server.settings(tmp_path / "home")
    bucket = s3_server.bucket(settings)
    for name, content in FILES.items():
        bucket.write(f"weights/clip/{name}", content)
    bucket.write("weights/clip-other/config.json", b"another")
    address = f"s3://{bucket.bucket}/weights/clip"
    first = fetch(settings, address)
    assert contents(first.folder) == FILES
    assert fetch(settings, address) == first
    bucket.write("weights/clip/config.json", b"{ }")
    second = fetch(settings, address)
    assert second.folder != first.folder
    assert contents(second.folder) == FILES | {"config.json": b"{ }"}
    with pytest.raises(NoWeightsError):
        fetch(settings, f"s3://{bucket.bucket}/nothing")


@pytest.mark.s3
@pytest.mark.parametrize("key", ["../outside.json", "/etc/outside.json", "a/../../outside.json"])
def test_an_object_whose_key_leads_out_of_the_copy_is_refused(s3_server, tmp_path, key):
    settings = s3_server.settings(tmp_path / "home")
    bucket = s3_server.bucket(settings)
    bucket.write("weights/config.json", b"{}")
    listed = [
        *bucket.list("weights/"),
        StoredObject(f"weights/{key}", 2, "etag"),
    ]  # a server may normalise keys
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objects, "list", lambda *_: iter(listed))
        with pytest.raises(FormError, match="leads out of"):
            fetch(settings, f"s3://{bucket.bucket}/weights")
    assert not list(tmp_path.rglob("outside.json"))


@pytest.mark.parametrize(
    "address", ["models:/../../../weights", "models:/name/../../x", "models:/..@alias", "models:/"]
)
def test_a_version_that_is_no_number_becomes_no_path(settings, address):
    before = settings.work / "weights" / "name-.."
    before.mkdir(parents=True)  # what made `name-../../x` a folder that exists
    (before.parent.parent / "x").mkdir()
    (before.parent.parent / "x" / "letter").write_text("dear")
    with pytest.raises(NoWeightsError):
        fetch(settings, address)
    assert (before.parent.parent / "x" / "letter").exists()


def test_the_hubs_own_cache_is_read_where_the_hub_is_away(settings, folder, tmp_path, monkeypatch):
    import huggingface_hub.constants as hub

    cache = tmp_path / "cache" / "models--owner--name"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("a" * 40)
    (cache / "snapshots").mkdir()
    folder.rename(cache / "snapshots" / ("a" * 40))
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    assert contents(fetch(settings, "hf-hub:owner/name").folder) == FILES
    with pytest.raises(NoWeightsError, match="give its folder"):
        fetch(settings, "hf-hub:owner/other")
