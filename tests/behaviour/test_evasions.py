"""Spam, respelled and diluted, is decided as the plain text is, or the decision says what was not read."""

import json

import numpy as np
import pandas as pd
import pytest
from spellings import HARMLESS, PLAIN, diluted, drawn_alike

from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.presets import job_on
from tests.support.made_up_snapshot import Row, write_snapshot

pytestmark = pytest.mark.slow
NEAR = 0.1  # of a probability
ACTS = 0.5  # a probability above which a post would be acted on
SPAM = PLAIN.replace(",", "").split()


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    """Knows spam of a made-up language: some of its words, and nothing of them in other texts."""
    rng, rows = np.random.default_rng(0), []
    for _ in range(600):
        spam = rng.random() < 0.4
        words = [*rng.choice(HARMLESS, rng.integers(4, 40)), *(rng.choice(SPAM, 8) if spam else [])]
        rows.append(Row(" ".join(rng.permutation(words)), None, (float(spam),)))
    folder = tmp_path_factory.mktemp("champion")
    uri = write_snapshot(folder, rows, ["fraud_and_spam"])
    report = fit(job_on(uri, preset="trial", seed=0, folder=folder / "run", threads=1, modalities=("text",)))
    return Scorer.load(report.model, threads=1)


def scores(scorer, texts):
    return 1 / (1 + np.exp(-scorer.logits(texts, [None] * len(texts))[:, 0]))


def test_the_champion_knows_spam(champion):
    spam, harmless = scores(champion, [PLAIN, " ".join(HARMLESS)])
    assert spam > 0.8
    assert harmless < 0.2


def test_every_spelling_that_draws_the_same_letters_scores_the_same(champion):
    plain, *others = scores(champion, [PLAIN, *drawn_alike().values()])
    far = {
        name: score for name, score in zip(drawn_alike(), others, strict=True) if abs(score - plain) > NEAR
    }
    assert far == {}


@pytest.mark.parametrize("words", [50, 300, 2000, 4000])
def test_a_diluted_text_decides_as_the_text_alone_or_says_what_was_not_read(champion, words):
    texts = diluted(words=words)
    found = champion.read([PLAIN, *texts.values()], [None] * (len(texts) + 1))
    plain, *others = 1 / (1 + np.exp(-found.logits[:, 0]))
    hidden = [
        name
        for name, score, unread in zip(texts, others, found.unread[1:], strict=True)
        if score < plain - NEAR and not unread
    ]
    assert hidden == []
    assert all(others[list(texts).index(name)] > plain - NEAR for name in ("behind", "before"))


def test_harmless_words_are_not_found_guilty_by_their_number(champion):
    text = diluted(text="", words=2000)["behind"]
    assert scores(champion, [text])[0] < 0.5


@pytest.mark.minutes
def test_a_champion_of_real_messages_meets_every_input(shared_data, tmp_path):
    inputs = shared_data.parent / "inputs" / "text"
    if not inputs.is_dir():
        pytest.skip("needs the inputs in a folder shared/inputs beside the checkout")
    messages = pd.read_csv(
        shared_data / "sms-spam.tsv", sep="\t", header=None, names=["kind", "text"], quoting=3
    )
    rows = [
        Row(text, None, (float(kind == "spam"),))
        for kind, text in messages.sample(frac=1, random_state=0).itertuples(index=False)
    ]
    uri = write_snapshot(tmp_path, rows, ["fraud_and_spam"])
    report = fit(
        job_on(uri, preset="compact", seed=0, folder=tmp_path / "run", threads=1, modalities=("text",))
    )
    scorer = Scorer.load(report.model, threads=1)
    spelled = texts_of(inputs / "evasions.jsonl")
    plain = scores(scorer, [spelled.pop("e-plain")])[0]
    far = {
        name: score
        for name, score in zip(spelled, scores(scorer, list(spelled.values())), strict=True)
        if abs(score - plain) > NEAR
    }
    assert not set(far) & SAME_LETTERS
    texts = texts_of(inputs / "diluted.jsonl")
    benign = texts.pop("d-benign_2000")
    unread = scorer.read(list(texts.values()), [None] * len(texts)).unread
    found = dict(zip(texts, scores(scorer, list(texts.values())), strict=True))
    assert found["d-alone"] > ACTS
    passed = [name for name, score in found.items() if score <= ACTS]
    assert [name for name, missed in zip(texts, unread, strict=True) if name in passed and not missed] == []
    assert scores(scorer, [benign])[0] < ACTS


SAME_LETTERS = {
    f"e-{name}"
    for name in (
        "upper", "zero_width_space", "zero_width_joiner", "soft_hyphen_in_words", "combining_grapheme_joiner",
        "variation_selector", "hangul_filler", "word_joiner", "bom_inside", "cyrillic_homoglyphs", "fullwidth",
        "mathematical_bold", "circled", "zalgo", "right_to_left_override", "isolates", "nfd",
    )
}  # fmt: skip


def texts_of(path):
    return {row["post_id"]: row["text"] for row in map(json.loads, path.read_text().splitlines())}
