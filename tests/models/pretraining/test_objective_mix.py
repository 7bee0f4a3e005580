import pytest

from models.pretraining.objective_mix import ObjectiveError, choices, syllabus
from models.training.presets import preset_named


def shares(*given, preset="coca", **fields):
    return syllabus(preset_named(preset), given, **fields).shares


def test_objectives_are_joined_by_plus_or_given_apart_with_a_weight_each():
    assert shares("contrastive+0.5*captioning") == {"contrastive": 1.0, "captioning": 0.5}
    assert shares("2 * contrastive", "captioning") == {"contrastive": 2.0, "captioning": 1.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["contrastive", "contrastive"], "'contrastive' is given twice"),
        (["none*contrastive"], r"'none' is no weight of contrastive; write it as in 0\.5\*contrastive"),
        (["-1*contrastive"], "'-1' is no weight"),
        ([], "no objective is given; choose of: captioning, causal_language, contrastive"),
        (["focal"], "'focal' learns from judgements, as `moderato retrain` does"),
    ],
)
def test_what_is_no_objective_says_what_is(given, message):
    with pytest.raises(ObjectiveError, match=message):
        shares(*given)


@pytest.mark.parametrize(
    ("preset", "objective", "message"),
    [
        ("clip", "matching", "choose one of: albef, blip, coca, flamingo"),
        ("albef", "captioning", "choose one of: blip, coca, flamingo"),
        ("coca", "masked_language", "whose tokens see those after them"),
        (
            "text",
            "contrastive",
            r"needs image, and preset text has modalities text; set modalities=text\+image",
        ),
    ],
)
def test_a_family_that_cannot_names_those_that_can(preset, objective, message):
    with pytest.raises(ObjectiveError, match=message):
        shares(objective, preset=preset)


def test_a_teacher_needs_an_objective_that_learns_from_one():
    assert shares("masked_image", preset="eva", teacher=True) == {"masked_image": 1.0}
    with pytest.raises(ObjectiveError, match=r"nothing of contrastive learns from one; .* masked_image"):
        shares("contrastive", teacher=True)


def test_all_that_learn_from_posts_alone_are_offered():
    assert len(choices()) == 8
