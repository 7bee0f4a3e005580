"""Scripts with and without blanks: made-up languages, each with words of its own that violate, are learned alike."""

import numpy as np
import pytest
from made_up_snapshot import Row, write_snapshot
from ngram_scores import ngram_scores
from sklearn.metrics import roc_auc_score

from models.data.snapshot import SnapshotRows


def letters(first, count):
    return "".join(map(chr, range(first, first + count)))


LETTERS = {  # of each script, and what stands between words
    "Latin": ("abdefgiklmnoprstuvz", " "),
    "Cyrillic": (letters(0x430, 24), " "),
    "Arabic": (letters(0x627, 18), " "),
    "Devanagari": (letters(0x915, 24), " "),
    "Thai": (letters(0xE01, 30), ""),
    "Han": (letters(0x4E00, 180), ""),
    "Kana": (letters(0x3042, 60), ""),
    "Khmer": (letters(0x1780, 30), ""),
}
BARE = [name for name, (_, blank) in LETTERS.items() if not blank]
WORDS, BAD, ROWS = 120, 6, 500  # of each language: words, those that violate, posts


class Language:
    """Words of two to four letters, one or two of a text's ten violate in four of ten texts."""

    def __init__(self, name, seed=0):
        self.letters, self.blank = LETTERS[name]
        self.rng = np.random.default_rng([seed, len(name), ord(name[0])])
        shortest = 1 + (len(self.letters) < 100)  # a character of Han says more than a letter
        words = {self._word(shortest) for _ in range(2 * WORDS)}
        self.words = sorted(words)[:: max(1, len(words) // WORDS)][:WORDS]
        self.bad = [self.words.pop(int(self.rng.integers(len(self.words)))) for _ in range(BAD)]

    def _word(self, shortest):
        return "".join(self.rng.choice(list(self.letters), self.rng.integers(shortest + 1, shortest + 3)))

    def posts(self, count):
        made = []
        for _ in range(count):
            bad = self.rng.random() < 0.4
            words = [*self.rng.choice(self.words, 10), *(self.rng.choice(self.bad, 1 + bad) if bad else [])]
            made.append((self.blank.join(self.rng.permutation(words)), float(bad)))
        return made


def snapshot_of(folder, posts):
    rows = [Row(text, None, (label,)) for text, label in posts]
    return write_snapshot(folder, rows, ["profanity"])


@pytest.fixture(scope="module")
def languages():
    return {name: Language(name) for name in LETTERS}


@pytest.fixture(scope="module")
def mixed(languages, tmp_path_factory):
    posts = [post for language in languages.values() for post in language.posts(ROWS)]
    order = np.random.default_rng(0).permutation(len(posts))
    return snapshot_of(tmp_path_factory.mktemp("mixed"), [posts[place] for place in order])


@pytest.mark.parametrize("name", BARE)
def test_a_language_without_blanks_is_learned_by_its_tokens(name, tmp_path):
    language = Language(name, seed=1)
    rows = SnapshotRows.open(snapshot_of(tmp_path, language.posts(1500)))
    unseen = language.posts(300)
    found = ngram_scores(rows, tmp_path / "learned", [text for text, _ in unseen], vocabulary=4000)
    assert roc_auc_score([label for _, label in unseen], found[:, 0]) > 0.9


def test_each_slice_of_a_mixed_lake_is_learned_and_known_words_harm_none(mixed, languages, tmp_path):
    unseen = {name: language.posts(200) for name, language in languages.items()}
    texts = [text for posts in unseen.values() for text, _ in posts]
    rows = SnapshotRows.open(mixed)
    by_slice = {}
    for unmask in (True, False):
        found = ngram_scores(rows, tmp_path / str(unmask), texts, vocabulary=8000, unmask=unmask)[:, 0]
        slices = np.split(found, len(unseen))
        by_slice[unmask] = {
            name: roc_auc_score([label for _, label in posts], part)
            for (name, posts), part in zip(unseen.items(), slices, strict=True)
        }
    assert min(by_slice[True].values()) > 0.85, by_slice
    lost = {name: by_slice[False][name] - found for name, found in by_slice[True].items()}
    assert max(lost.values()) < 0.01, by_slice
