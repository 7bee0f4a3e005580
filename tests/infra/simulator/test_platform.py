from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from infra.simulator import Modality
from infra.simulator.authors import MARKETS
from infra.simulator.plan import FIRST_DAY, WEEK
from infra.simulator.scenarios import GROUPS
from infra.simulator.vocabulary import DRIFTING, Vocabulary
from models.domain.content import Post
from models.domain.schemas import POST_FIELDS
from tests.infra.simulator.conftest import POLICIES, SEED, Simulated


def test_posts_obey_the_nouns(simulated: Simulated):
    rows = simulated.lake.posts.open().to_table(columns=[field.name for field in POST_FIELDS], limit=300)
    for row in rows.to_pylist():
        Post(**row)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_is_violated_by_a_learnable_share(simulated: Simulated, policy: str):
    assert 0.012 < simulated.violates(policy).mean() < 0.12


def test_some_violations_are_shown_by_text_some_by_images_some_by_the_pair(simulated: Simulated):
    for modality, least in ((Modality.TEXT, 0.15), (Modality.IMAGE, 0.05), (Modality.PAIR, 0.05)):
        assert simulated.truth.shown_by(modality).any(axis=1).mean() > least


def test_what_an_image_shows_has_an_image_and_a_pair_has_both(simulated: Simulated):
    posts, truth = simulated.posts, simulated.truth
    text, image = posts.text.notna().to_numpy(), posts.image.notna().to_numpy()
    assert text[truth.shown_by(Modality.TEXT).any(axis=1)].all()
    assert image[truth.shown_by(Modality.IMAGE).any(axis=1)].all()
    assert (text & image)[truth.shown_by(Modality.PAIR).any(axis=1)].all()


def pairs(simulated: Simulated) -> pd.DataFrame:
    shown = simulated.shown.set_index("post_id").loc[simulated.posts.post_id].reset_index()
    return shown.assign(violates=simulated.truth.shown_by(Modality.PAIR).any(axis=1))


def test_each_phrase_of_a_pair_is_harmless_elsewhere_at_least_as_often(simulated: Simulated):
    rates = pairs(simulated).dropna(subset="phrase").groupby("phrase").violates.mean()
    assert len(rates) == 6
    assert rates.max() < 0.5


def test_each_drawing_of_a_pair_is_harmless_elsewhere_at_least_as_often(simulated: Simulated):
    table = pairs(simulated)
    rates = table[table.drawing.isin(sum(GROUPS, ()))].groupby("drawing").violates.mean()
    assert len(rates) == 6
    assert rates.max() < 0.5


def test_a_phrase_and_a_drawing_together_always_tell(simulated: Simulated):
    """So that the best text and the best image model leave a gap that the pair closes."""
    table = pairs(simulated).dropna(subset=["phrase", "drawing"])
    assert set(table.groupby(["phrase", "drawing"]).violates.mean()) == {0.0, 1.0}


def test_times_lie_in_their_week_and_in_the_past(simulated: Simulated):
    week = (simulated.posts.created_at - pd.Timestamp(FIRST_DAY)) // WEEK + 1
    assert (week.to_numpy() == simulated.truth.week).all()
    assert simulated.posts.created_at.max() < datetime.now(UTC)


def test_pictures_are_small_and_whole(simulated: Simulated):
    pictures = simulated.posts.image.dropna()
    assert 0.3 < len(pictures) / len(simulated.posts) < 0.45
    assert pictures.str.len().max() < 4096
    formats = set()
    for data in pictures[:300]:
        with Image.open(BytesIO(data)) as picture:
            picture.load()
            assert 64 <= min(picture.size) <= max(picture.size) <= 128
            formats.add(picture.format)
    assert formats == {"PNG", "JPEG"}


def test_languages_belong_to_their_markets(simulated: Simulated):
    spoken = {(market, language) for market, (_, languages) in MARKETS.items() for language in languages}
    seen = set(zip(simulated.posts.market, simulated.posts.language, strict=True))
    assert seen == spoken


def test_authors_have_habits(simulated: Simulated):
    """Some violate far more than others: the spread is beyond what equal authors would show."""
    table = simulated.posts.assign(violates=simulated.truth.violates.any(axis=1))
    table = table[~table.author_id.str.contains("ring")]
    busy = table.groupby("author_id").violates.agg(["mean", "size"]).query("size >= 10")
    share = table.violates.mean()
    assert busy["mean"].var() > 1.5 * (share * (1 - share) / busy["size"]).mean()


def test_rings_of_spammers_send_near_copies(simulated: Simulated):
    ring = simulated.posts[simulated.posts.author_id.str.startswith("author-ring-0")]
    week = ring[ring.created_at < pd.Timestamp(FIRST_DAY + WEEK)]
    assert week.author_id.nunique() > 2
    assert len(set(week.text.str.split().str[:12].str.join(" "))) == 1
    assert simulated.violates("fraud_and_spam")[ring.index].all()


def test_reposts_stay_in_the_circle_and_violate_as_their_source(simulated: Simulated):
    shown = simulated.shown.set_index("post_id").loc[simulated.posts.post_id]
    reposts = simulated.posts[shown.repost.to_numpy()]
    assert 0.02 < len(reposts) / len(simulated.posts) < 0.06
    truths = dict(zip(simulated.posts.post_id, map(tuple, simulated.truth.violates), strict=True))
    texts = simulated.posts[~shown.repost.to_numpy()].dropna(subset="text").groupby("text").post_id.first()
    known = reposts[reposts.text.isin(texts.index)]
    assert len(known) > 100
    assert all(truths[row.post_id] == truths[texts[row.text]] for row in known.itertuples())


def test_slang_of_the_later_weeks_is_new(simulated: Simulated):
    words = Vocabulary(SEED)
    for policy in DRIFTING:
        old = {term for week in range(1, 5) for term in words.terms(policy, week)}
        assert len(old & set(words.terms(policy, 5))) <= 1
    for policy in set(POLICIES) - set(DRIFTING):
        assert words.terms(policy, 1) == words.terms(policy, 6)


def test_without_drift_slang_stays():
    words = Vocabulary(SEED, drift=0, wave=0)
    assert words.terms("hate_speech", 1) == words.terms("hate_speech", 20)


def test_known_terms_find_less_of_the_hate_speech_of_later_weeks(simulated: Simulated):
    words = Vocabulary(SEED)
    known = "|".join(term for week in range(1, 5) for term in words.terms("hate_speech", week))
    text = simulated.truth.shown_by(Modality.TEXT)[:, POLICIES.index("hate_speech")]
    found = simulated.posts.text.str.lower().str.contains(known, na=False).to_numpy()
    before, after = found[text & (simulated.truth.week <= 4)], found[text & (simulated.truth.week >= 5)]
    assert before.mean() > 0.75
    assert after.mean() < 0.35


def test_harmless_words_come_and_go_as_well():
    words = Vocabulary(SEED)
    assert not set(words.trends(1)) & set(words.trends(2))


def test_a_term_beside_a_marker_is_harmless(simulated: Simulated):
    words = Vocabulary(SEED)
    texts = simulated.posts.text.str.lower().fillna("")
    term = rf"\b(?:{'|'.join(words.terms('harassment', 1))})\b"
    marked = texts.str.contains(rf"\b(?:{'|'.join(words.markers)}) {term}").to_numpy()
    assert marked.sum() > 20
    assert not simulated.violates("harassment")[marked].any()
    plain = texts.str.contains(term).to_numpy() & ~marked
    assert simulated.violates("harassment")[plain].all()


def test_no_word_means_two_things():
    words = Vocabulary(SEED)
    groups = [words.common, words.markers, *(words.topic(i) for i in range(8)), words.trends(1)]
    groups += [words.terms(policy, 1) for policy in POLICIES]
    groups += [" ".join(group).split() for group in words.phrases]
    counts = np.unique(np.concatenate([np.array(group) for group in groups]), return_counts=True)[1]
    assert (counts == 1).all()
