"""What a search varies, and how it is written."""

import pytest
from optuna import create_study

from models.domain.preset import PresetError, compact
from models.training.presets import preset_named
from models.training.search_space import Choices, Range, SpaceError, space


def only(given):
    (axis,) = space(compact(), [given])
    return axis


def test_a_range_over_a_decade_is_searched_by_its_logarithm():
    assert only("learning_rate=1e-4..1e-2") == Range("learning_rate", 1e-4, 1e-2, whole=False)
    assert only("learning_rate=1e-4..1e-2").by_logarithm
    assert not only("dropout=0.1..0.5").by_logarithm
    assert not only("dropout=0..0.5").by_logarithm


def test_a_whole_number_stays_one():
    axis = only("layers=1..3")
    study = create_study(direction="maximize")
    for _ in range(10):
        axis.suggest(study.ask())
    assert {axis.written(trial.params["layers"]) for trial in study.trials} <= {"1", "2", "3"}
    assert axis.size == 3


def test_listed_values_are_tried_as_they_are_spelt():
    assert only("dropout=0,0.1,0.3") == Choices("dropout", ("0", "0.1", "0.3"))
    assert only("modalities=text,text+image").values == ("text", "text+image")
    assert preset_named("compact,modalities=text+image").modalities == ("text", "image")


def test_the_presets_own_value_is_known_where_it_lies_within():
    assert only("learning_rate=1e-4..1e-2").holds(2e-3) == 2e-3
    assert only("learning_rate=1e-6..1e-5").holds(2e-3) is None
    assert only("dropout=0.30,0.5").holds(0.3) == "0.30"
    assert only("modalities=text,text+image").holds(("text", "image")) == "text+image"
    assert only("dropout=0.1,0.5").holds(0.3) is None


def test_what_is_written_is_within_the_range_and_short():
    axis = only("learning_rate=0.00123456..0.00123459")
    assert float(axis.written(0.00123458)) == 0.00123459
    assert only("learning_rate=1e-4..1e-2").written(0.0012345678) == "0.001235"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("learning_rate", "'learning_rate' names no values; write field=low..high or field=a,b,c"),
        (
            "pace=1..2",
            "preset compact has no field 'pace' to search over; did you mean 'patience'? choose from modalities, ",
        ),
        ("name=a,b", "no field 'name' to search over"),
        ("dropout=0.5..0.1", "the range '0.5..0.1' of dropout is empty"),
        ("dropout=0.5..0.5", "is empty"),
        ("dropout=low..high", "both ends must be numbers"),
        ("layers=1.5..3", "'1.5..3' is no range of layers, which is a whole number"),
        ("objective=a..b", "objective is no number, so that it has no range"),
        ("dropout=0.1,", "lists an empty value"),
        ("dropout=", "lists an empty value"),
    ],
)
def test_what_cannot_be_searched_says_why(given, said):
    with pytest.raises(SpaceError) as told:
        space(compact(), [given])
    assert said in str(told.value)


def test_values_that_a_preset_cannot_have_are_named():
    with pytest.raises(PresetError, match=r"dropout of preset compact is 1\.5: input should be less than 1"):
        space(compact(), ["dropout=0.1..1.5"])
    with pytest.raises(PresetError, match="tuning of preset compact is 'some'"):
        space(compact(), ["tuning=full,some"])


def test_a_field_is_given_once():
    with pytest.raises(SpaceError, match="dropout is given twice"):
        space(compact(), ["dropout=0.1,0.2", "dropout=0.3..0.5"])
    with pytest.raises(SpaceError, match="nothing to search over"):
        space(compact(), [])
