import pytest
import torch
from tokenizers import Tokenizer, processors
from tokenizers.models import BPE, WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel

from models.data.tokenizer import (
    encode,
    load_tokenizer,
    marks,
    padded,
    pieces,
    train_tokenizer,
    windows,
    word_marks,
)
from models.encoders.adapters.open_clip import clip_tokenizer
from models.layers.ngrams import words

TEXTS = [
    "The lake is quiet today",
    "the LAKE is loud",
    "湖は今日静かです",
    "湖は静か",
    "see https://example.org/a @you #tea 🙂🙂",
] * 5


def learned(tmp_path):
    train_tokenizer(TEXTS, 400).save(str(tmp_path / "tokenizer.json"))
    return load_tokenizer(tmp_path / "tokenizer.json", 16)


def test_the_same_texts_give_the_same_tokeniser():
    assert train_tokenizer(TEXTS, 400).to_str() == train_tokenizer(iter(TEXTS), 400).to_str()


def test_case_and_width_of_letters_do_not_matter(tmp_path):
    tokenizer = learned(tmp_path)
    plain, loud, wide = encode(
        tokenizer, ["the lake is quiet", "THE LAKE  IS QUIET", "ｔｈｅ ｌａｋｅ is quiet"]
    )
    assert plain == loud == wide


def test_any_script_becomes_tokens_that_are_known(tmp_path):
    tokenizer = learned(tmp_path)
    unknown = tokenizer.token_to_id("[UNK]")
    for ids in encode(tokenizer, ["湖は静か", "🙂", "@you #tea"]):
        assert ids
        assert unknown not in ids


def test_a_missing_text_has_no_tokens_and_a_long_one_is_cut(tmp_path):
    tokenizer = learned(tmp_path)
    assert encode(tokenizer, [None, "", "lake " * 10_000]) == [
        [],
        [],
        encode(tokenizer, ["lake " * 20])[0],
    ]


def test_padding_is_masked_and_an_empty_batch_has_width_one():
    ids, mask = padded([[5, 6], [], [7]])
    assert ids.tolist() == [[5, 6], [0, 0], [7, 0]]
    assert mask.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert padded([[]])[0].shape == (1, 1)


def test_words_that_look_alike_share_pieces():
    tokenizer = train_tokenizer(["vrenking vrenked vrenks lake tea"] * 9, 400)
    table = pieces(tokenizer)
    one, other, far = (
        set(table[tokenizer.token_to_id(f"▁{word}")]) - {0} for word in ("vrenked", "vrenks", "tea")
    )
    assert len(one & other) > 5 > len(one & far)


def test_a_text_is_written_between_the_marks_of_its_tokeniser_or_padding():
    assert marks(train_tokenizer(["a b"], 300)) == (0, 0)
    assert marks(clip_tokenizer()) == (49406, 49407)


def given(model, **parts):
    tokenizer = Tokenizer(model)
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    return tokenizer


def word_pieces():
    words = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "lake": 3, "vren": 4, "##king": 5, "##lake": 6}
    around = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return given(WordPiece(words, unk_token="[UNK]"), pre_tokenizer=BertPreTokenizer(), post_processor=around)


def byte_level():
    words = {token: place for place, token in enumerate(["Ġlake", "Ġvren", "king", "ĠÃ©", "lake"])}
    return given(BPE(words, []), pre_tokenizer=ByteLevel())


def ended():
    return given(BPE({"lake</w>": 0, "vren": 1, "king</w>": 2}, [], end_of_word_suffix="</w>"))


@pytest.mark.parametrize(
    ("tokenizer", "told"),
    [
        # what stands around a text, and each first piece of a word
        (word_pieces(), {"[CLS]": 1, "[SEP]": 1, "lake": 1, "vren": 1, "##king": 0, "##lake": 0}),
        (byte_level(), {"Ġlake": 1, "Ġvren": 1, "king": 0, "ĠÃ©": 1, "lake": 0}),
        (ended(), {"lake</w>": 2, "vren": 0, "king</w>": 2}),
    ],
    ids=["WordPiece", "byte-level", "ends of words"],
)
def test_where_words_begin_is_told_for_every_way_of_marking_it(tokenizer, told):
    found = word_marks(tokenizer)
    assert {token: int(found[tokenizer.token_to_id(token)]) for token in told} == told


def test_tokens_are_spelled_alike_whatever_marks_their_words():
    for tokenizer, first, later in (
        (word_pieces(), "lake", "##lake"),
        (byte_level(), "Ġlake", "lake"),
    ):
        table = pieces(tokenizer)
        one, other = (set(table[tokenizer.token_to_id(token)]) - {0} for token in (first, later))
        assert len(one & other) >= 10  # every n-gram within "lake"


def test_words_of_tokens_that_end_them_are_told_apart():
    tokenizer = ended()
    starts = torch.from_numpy(word_marks(tokenizer)).long()
    ids = torch.tensor([[0, 1, 2], [1, 2, 0]])  # lake vrenking, vrenking lake
    codes, mask = words(ids, torch.ones_like(ids), starts)
    assert mask.tolist() == [[True, True, False]] * 2
    assert codes[0, 0] == codes[1, 1]


def test_what_each_window_of_a_long_text_shows_is_located(tmp_path):
    path = tmp_path / "tokenizer.json"
    train_tokenizer(TEXTS, 400).save(str(path))
    whole, parts = load_tokenizer(path, 64), load_tokenizer(path, 8)
    text = "the lake is quiet today " * 4
    found = windows(whole, parts, [text, "the lake"], 9, located=True)
    assert found.texts[0] == text
    assert found.texts[-1] == "the lake"
    for ids, shown in zip(found.ids[1:-1], found.texts[1:-1], strict=True):
        assert encode(parts, [shown])[0] == ids
