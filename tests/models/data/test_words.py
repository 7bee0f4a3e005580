"""Words that training has met are known again behind what people do to them; what is plain stays as it is."""

import numpy as np
import pytest

from models.data.words import MOST_WORDS, Words, unmasked
from models.perturbations import PERTURBATIONS

SENTENCE = "congratulations winner you can claim the wonderful prize before saturday evening"
OTHERS = (
    "the garden is quiet and people walk there before evening",
    "claim it, said the winner of the race",
    "well known people can not be there every saturday",
    "he has good news and a prize",
)
WORDS = Words.learned([SENTENCE, *OTHERS] * 2)


def test_a_text_of_known_words_stays_whatever_stands_around_them():
    for text in (
        SENTENCE,
        SENTENCE.upper(),
        f"({SENTENCE})!",
        "Winner: you, can @claim #prize https://a.b/prlze 100",
    ):
        assert WORDS.restored(text) == text


@pytest.mark.parametrize("text", [None, "", "  ", "\u200b"])
def test_nothing_stays_nothing(text):
    assert WORDS.restored(text) == text


@pytest.mark.parametrize(
    "written",
    [
        "w1nner", "W!nner", "wiinnneer", "win-ner", "win.ner", "w*nner", "w**ner", "wnnr",
        "wniner", "wimner", "winer", "winnerr", "wi nner", "renniw", "w\u00ecnn\u00ebr", "\u1e81inner",
    ],
)  # fmt: skip
def test_a_word_is_known_again(written):
    assert WORDS.restored(f"the {written}, well").lower() == "the winner, well"


def test_words_put_together_are_known_apart_and_a_compound_of_its_own_stays():
    assert WORDS.restored("youcanclaimtheprize") == "you can claim the prize"
    assert WORDS.restored("good-people well-known") == "good-people well-known"
    assert WORDS.restored("_winner_ you_can_claim") == "winner you can claim"


def test_a_text_turned_round_is_read_with_the_head_down():
    turned = PERTURBATIONS["upside_down"](SENTENCE, np.random.default_rng(0))
    assert WORDS.restored(turned) == SENTENCE
    assert WORDS.restored(f"The Garden is quiet {turned}") == f"The Garden is quiet {SENTENCE}"


def test_a_few_turned_letters_do_not_turn_what_is_plain():
    for turned in ("\u0250\u01dd\u0287", "\u0250 \u01dd \u0287", "\u0250\u01dd\u0287a"):
        read = WORDS.restored(f"Claim the prize {turned} before Saturday")
        assert read.startswith("Claim the prize ")
        assert read.endswith(" before Saturday")


@pytest.mark.parametrize(
    "text",
    [
        "1000 100% 10:30 $50 3.14", ":-( !!! $$$ ???", "https://prize.example/w1nner", "@w1nner: #w1nner, (@w1nner)",
        "\u8fd9\u662f\u4e00\u4e2a\u53e5\u5b50", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\U0001f44d\U0001f3ff",
        "zebra quixotic", "a-b x/y",
    ],
)  # fmt: skip
def test_what_is_no_disguise_stays(text):
    assert WORDS.restored(text) == text


READ = {  # what of the words a reader of the restored text finds again, at least
    "by_sound": 0.8, "missing_letters": 0.8, "keyboard_neighbours": 0.8, "drawn_out": 0.8, "joined_words": 0.6,
    "leet": 0.6, "emoji_between": 0.9, "signs_for_blanks": 0.9,
}  # fmt: skip


@pytest.mark.parametrize("name", [found.name for found in PERTURBATIONS if found.readable])
def test_most_words_of_a_disguised_text_are_known_again(name):
    found = []
    for seed in range(20):
        read = WORDS.restored(PERTURBATIONS[name](SENTENCE, np.random.default_rng(seed))).lower()
        found.append(np.mean([word in read for word in SENTENCE.split()]))
    assert np.mean(found) >= READ.get(name, 0.9)


def test_the_word_that_more_texts_have_is_read():
    words = Words({"form": 5, "from": 50, "farm": 2})
    assert words.restored("f*rm fr0m f0rm") == "form from form"
    assert words.restored("fr\u00f6m") == "from"


def test_other_marks_make_another_word():
    words = Words({"ti\u1ebfng": 9, "vang": 3})
    assert words.restored("ti\u00eang v\u00e0ng tieng") == "ti\u00eang vang ti\u1ebfng"


def test_words_of_one_text_alone_are_none_and_a_name_need_not_leave_the_lake():
    words = Words.learned(["a letter of zarvan", "a letter", "the letter"])
    assert words.counts == {"letter": 3, "a": 2}


def test_what_is_learned_depends_on_the_texts_alone():
    texts = [f"{chr(97 + n % 26)}{chr(97 + n // 26)}word" for n in range(600)] * 2
    assert list(Words.learned(texts).counts) == sorted(set(texts))


def test_they_are_written_and_read_as_they_were(tmp_path):
    (tmp_path / "words.tsv").write_text(str(WORDS), encoding="utf-8")
    assert Words.read(tmp_path / "words.tsv").counts == WORDS.counts


def test_without_words_texts_are_read_as_they_are():
    assert unmasked(["fr33", None], None) == ["fr33", None]


@pytest.mark.timeout(40)  # where what grows with the square of a text's length takes a minute for each
def test_what_costs_most_is_bounded():
    many = Words(
        {
            f"{chr(97 + n % 26)}{n:x}word".translate(str.maketrans("0123456789", "ghijklmnop")): 2
            for n in range(MOST_WORDS)
        }
    )
    for text in (
        "x" * 100_000,
        "w0rd" * 30_000,
        "*" * 100_000,
        "a*" * 50_000,
        "\u00e9" * 50_000,
        "- " * 50_000,
        "a" + "*" * 9998 + "a",
        "\u30ab" * 4999 + "a" + "\u30ab" * 5000,
        "a\u30ab" * 5000,
        "\u0287 " * 5000,
        "\u0287" * 9999 + "a",
    ):
        assert isinstance(many.restored(text), str)
