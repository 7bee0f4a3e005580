"""Spellings that draw the same letters are one text; what carries meaning stays."""

import time
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from spellings import PLAIN, drawn_alike, respelled

from infra.snapshots.minhash import sketch
from models.data.tokenizer import encode, load_tokenizer, train_tokenizer
from models.domain.content import Post
from models.domain.folding import folded, is_blank

DRAWN_ALIKE = drawn_alike()


@pytest.mark.parametrize("name", DRAWN_ALIKE)
def test_spellings_that_draw_the_same_letters_are_one_text(name):
    assert folded(DRAWN_ALIKE[name]) == PLAIN


MEANT = {
    "Persian, whose non-joiner parts a word": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Hindi, whose joiner shows half a letter": "\u0915\u094d\u200d\u0937",
    "Hindi, whose non-joiner shows the virama": "\u0915\u094d\u200c\u0937",
    "Bengali, whose joiner stands before the virama": "\u09b0\u200d\u09cd\u09af",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "a colour of skin": "\U0001f44d\U0001f3ff",
    "a flag": "\U0001f1e9\U0001f1ea",
    "the flag of Wales": "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "Russian": "\u0441\u043c\u043e\u0442\u0440\u044e \u0441\u0435\u0440\u0438\u0430\u043b \u043d\u0430 Netflix",
    "Russian of letters that look Latin": "\u0441\u043e\u0440 \u0438 \u0445\u043e\u0440",
    "Greek beside English": "\u03c4\u03bf \u03c6\u03c9\u03c2 Google",
    "a unit and a variable": "5 \u03bcm, \u03bbx",
    "Vietnamese": "Ti\u1ebfng Vi\u1ec7t",
    "Yoruba": "\u1ecd\u0301",
    "Turkish": "I\u0130\u0131i",
    "German": "STRASSE stra\u00dfe STRA\u1e9e",
    "Korean": "\ud55c\uad6d\uc5b4",
    "Thai": "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e15\u0e2d\u0e19\u0e40\u0e0a\u0e49\u0e32",
    "rare Han": "\U0002a6d6\U00030ede",
    "a formula": "{0} %s %n ${jndi:x} {{7*7}} <script>1</script>",
    "two lines": "one\ntwo\n\nthree",
}


@pytest.mark.parametrize("name", MEANT)
def test_what_carries_meaning_stays(name):
    assert folded(MEANT[name]) == MEANT[name]


def test_what_is_composed_and_what_is_not_are_one_text():
    for text in ("Ti\u1ebfng Vi\u1ec7t", "\ud55c\uad6d\uc5b4", "\u00c5ngstr\u00f6m"):
        assert folded(unicodedata.normalize("NFD", text)) == text


def test_latin_letters_in_a_russian_word_become_russian():
    mixed = "\u0431ec\u043f\u043ba\u0442\u043do"  # the Russian word for free, with Latin e, c, a and o
    assert folded(mixed) == "\u0431\u0435\u0441\u043f\u043b\u0430\u0442\u043d\u043e"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("fish &amp; chips &lt;3 &quot;yum&quot;", 'fish & chips <3 "yum"'),
        ("&Eacute;t&eacute; &#x1F600;&#128512;", "\u00c9t\u00e9 \U0001f600\U0001f600"),
        ("&amp;lt; is how to write &lt;", "&lt; is how to write <"),
        ("&#xd800; &#1114112; &#0;", "\ufffd \ufffd \ufffd"),
    ],
)
def test_references_of_html_are_the_characters_that_a_page_shows(written, shown):
    assert folded(written) == shown


@pytest.mark.parametrize(
    "text", ["AT&T; R&D", "AT&amp", "?a=1&copy=2&lt=3", "&notit; &nosuch;", "&#; &#x; &#9999999999;", "&;"]
)
def test_an_ampersand_that_refers_to_nothing_stays(text):
    assert folded(text) == text


def test_many_ampersands_take_no_longer_than_other_signs():
    for text in ("&" * 200_000, "&#" + "0" * 200_000 + ";", "&amp" * 50_000, "&#0" * 60_000):
        began = time.perf_counter()
        folded(text)
        assert time.perf_counter() - began < 2


def test_tags_behind_a_flag_that_spell_no_region_go():
    assert folded("hi \U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "buy this now")) == "hi \U0001f3f4"


def test_runs_of_space_are_one():
    assert folded("a  \t b \n\n\n  c\r\nd") == "a b\n\nc\nd"


def test_folding_twice_is_folding_once():
    for text in (*DRAWN_ALIKE.values(), *MEANT.values()):
        assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    "text",
    [None, "", " \n", "\u200b\u200c\u200d", "\u3164\u3164", "\u2800", "\ufeff", "\u00ad", "\U000e0041", "\x00\x07",
     "\u202e\u202c", "\ufe0f", "\u180b", "\u2060 \u2061"],
)  # fmt: skip
def test_signs_that_draw_nothing_are_no_content(text):
    assert is_blank(text)
    with pytest.raises(ValueError, match="needs text, an image or a video"):
        Post(post_id="p", text=text)


@pytest.mark.parametrize(
    "text", ["a", ".", "\U0001f1e9", "\u0301", "\u200b1\u200b", "\ue000", "\ufffd", "\U0001f44d"]
)
def test_a_sign_that_is_drawn_is_content(text):
    assert not is_blank(text)
    assert Post(post_id="p", text=text).text == text


def test_they_are_the_same_tokens_and_the_same_near_duplicate(tmp_path):
    train_tokenizer([PLAIN, "talk about the garden and the weather"] * 4, 400).save(str(tmp_path / "t.json"))
    tokenizer = load_tokenizer(tmp_path / "t.json", 64)
    ids = encode(tokenizer, [PLAIN, *DRAWN_ALIKE.values()])
    assert all(row == ids[0] for row in ids)
    texts = pa.array([PLAIN, *DRAWN_ALIKE.values(), None, "another text altogether, about the weather"])
    sketches = sketch(texts, np.arange(len(texts), dtype=np.uint64))
    assert (sketches[:-2] == sketches[0]).all()
    assert (sketches[-1] == sketches[0]).mean() < 0.2


@pytest.mark.parametrize("name", ["dots", "hyphens"])
def test_a_respelling_in_ascii_is_the_same_near_duplicate(name):
    text = "congratulations winner claim your prize"  # without words of one letter, and signs
    one, other = sketch(pa.array([text, respelled(text)[name]]), np.arange(2, dtype=np.uint64))
    assert (one == other).all()


def test_nfc_and_nfd_are_one_near_duplicate():
    text = "Ti\u1ebfng Vi\u1ec7t l\u00e0 ng\u00f4n ng\u1eef c\u1ee7a ng\u01b0\u1eddi Vi\u1ec7t"
    pair = pa.array([unicodedata.normalize(form, text) for form in ("NFC", "NFD")])
    one, other = sketch(pair, np.arange(2, dtype=np.uint64))
    assert (one == other).all()


@pytest.mark.parametrize("name", ["spaced", "letter_a_line", "dots", "hyphens"])
def test_words_that_are_spelt_letter_by_letter_are_put_together(name):
    found = folded(respelled()[name])
    words = [word for word in PLAIN.replace(",", "").split() if word.isalpha() and len(word) > 1]
    assert [
        word for word in words if word not in found.replace("\n", " ").split() and f"{word}," not in found
    ] == []


@pytest.mark.parametrize(
    "text",
    [
        "the U.S.A. at 5 p.m.",
        "snake_case_is_a_b",
        "1.2.3.4 and 5 6 7 8",
        "I am a b-boy",
        "x/y or a/b",
        "e.g. a b",
    ],
)
def test_single_letters_that_spell_no_word_stay(text):
    assert folded(text) == text
