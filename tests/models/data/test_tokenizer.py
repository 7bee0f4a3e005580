from models.data.tokenizer import encode, load_tokenizer, marks, padded, pieces, train_tokenizer
from models.encoders.adapters.open_clip import clip_tokenizer

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
