"""Groups of people are swapped within their kind, harmless texts denied; what that does to a model is seen."""

import numpy as np
import pytest
from made_up_snapshot import Row, write_snapshot
from ngram_scores import ngram_scores

from models.data.rewording import Rewording
from models.data.snapshot import SnapshotRows
from models.data.word_lists import WORD_LISTS, WordList, read_word_list
from models.domain.catalogue import BrokenEntryError

OSTARI, VELLI, NEM = "ostari", "velli", "nem"  # peoples of no country
MADE_UP = WordList(
    name="made_up",
    groups={"people": (OSTARI, VELLI, NEM), "people of one": ("the Ostari people", "the Velli people")},
    negations={"is": "is not", "can": "cannot"},
)
REWORDING = Rewording([MADE_UP])


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_group_becomes_any_of_its_list_with_its_capitals_and_the_same_one_each_time():
    found = {REWORDING.swapped("Ostari, ostari and OSTARI sing", rng(seed)) for seed in range(40)}
    assert found == {f"{it.title()}, {it} and {it.upper()} sing" for it in (OSTARI, VELLI, NEM)}
    people = {REWORDING.swapped("the ostari people", rng(seed)) for seed in range(40)}
    assert people == {"the Ostari people", "the Velli people"}
    assert REWORDING.swapped("ostarian wind, nobody named", rng()) == "ostarian wind, nobody named"


def test_all_are_drawn_about_as_often():
    found = [REWORDING.swapped(OSTARI, rng(seed)) for seed in range(600)]
    assert all(140 < found.count(name) < 260 for name in (OSTARI, VELLI, NEM))


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("it is warm", "it is not warm"),
        ("It is not warm", "It is warm"),
        ("We cannot go", "We can go"),
        ("CAN we", "CANNOT we"),
        ("this", "this"),
        ("", ""),
    ],
)
def test_a_text_is_denied_or_its_denial_taken_away(text, denied):
    assert REWORDING.denied(text, rng()) == denied


@pytest.mark.parametrize(
    "text", ["O\u017ftari", "\u0130s it", "\u0131s it", "VELL\u0130", "Ganz W\u00e4re da"]
)
def test_letters_whose_small_forms_are_others_change_nothing_and_break_nothing(text):
    reworded = Rewording([MADE_UP, WordList(name="own", negations={"W\u00e4re": "W\u00e4re nicht"})])
    assert isinstance(reworded.swapped(text, rng()), str)
    denied = reworded.denied(text, rng())
    assert denied == ("Ganz W\u00e4re nicht da" if "W\u00e4re" in text else text)


def test_what_is_shipped_swaps_and_denies_and_names_each_group_in_one_list():
    shipped = Rewording.shipped()
    assert len({shipped.swapped("all Sikhs sing", rng(seed)) for seed in range(20)}) > 1
    assert shipped.denied("they are here", rng()) == "they are not here"
    for words in WORD_LISTS:
        names = [name for names in words.groups.values() for name in names]
        assert len(names) == len(set(names)), words.name
        assert all(len(names) > 1 for names in words.groups.values()), words.name


def test_a_projects_list_is_used_beside_what_is_shipped(project):
    (project.folder / "word_lists").mkdir()
    project.write(
        "word_lists/ostari.toml", '[negations]\nda = "nana da"\n[groups]\nall = ["ostari", "velli"]\n'
    )
    found = Rewording.shipped()
    assert found.denied("da lem", rng()) == "nana da lem"
    assert {found.swapped("ostari", rng(seed)) for seed in range(20)} == {"ostari", "velli"}
    assert found.denied("it is so", rng()) == "it is not so"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("groups = [", "is no TOML"),
        ("group = {}", "group is {}: extra inputs are not permitted"),
        ("[groups]\na = 1", "groups.a is 1"),
        ('[groups]\na = ["b", ""]', "groups.a.1 is ''"),
        ('[negations]\na = ""', "negations.a is ''"),
    ],
)
def test_a_list_that_is_none_says_what_and_where(tmp_path, text, told):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(BrokenEntryError, match=told):
        read_word_list(tmp_path / "own.toml")


# what it does, on texts of the n-gram half alone, where every word's weight is to be seen

PLAIN = ("tea", "lake", "walk", "quiet", "sing", "garden", "winds", "old")


def made_up_rows(count=1500):
    """`vrenk` violates. Sikhs are named in most violations and others in what is harmless, and harmless texts deny
    nothing, so that a model may hold the name and the denial for signs.
    """
    made, draw = [], rng()
    for _ in range(count):
        bad = draw.random() < 0.4
        group = "sikhs" if draw.random() < (0.8 if bad else 0.1) else str(draw.choice(["jews", "hindus"]))
        words = [*draw.choice(PLAIN, 5), group, "is not" if bad and draw.random() < 0.8 else "is"]
        if bad and draw.random() < 0.8:
            words.append("vrenk")
        made.append(Row(" ".join(draw.permutation(words)), None, (float(bad),)))
    return made


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reworded")
    return SnapshotRows.open(write_snapshot(folder, made_up_rows(), ["hate_speech"]))


def scores(snapshot, folder, texts, **changes):
    return ngram_scores(snapshot, folder, texts, vocabulary=400, unmask=False, **changes)[:, 0]


SENTENCE = "quiet lake tea {group} is {more} old"


def test_with_groups_swapped_a_name_moves_a_score_by_less_than_a_third_and_a_violation_as_before(
    snapshot, tmp_path
):
    texts = [
        SENTENCE.format(group=group, more=more) for more in ("walk", "vrenk") for group in ("sikhs", "hindus")
    ]
    before = scores(snapshot, tmp_path / "before", texts)
    after = scores(snapshot, tmp_path / "after", texts, swap_groups=1.0)
    assert before[0] - before[1] > 0.5
    assert abs(after[0] - after[1]) < (before[0] - before[1]) / 3
    assert after[2:].min() - after[:2].max() > 0.8 * (before[2:].mean() - before[:2].mean())


def test_with_harmless_texts_denied_a_denial_moves_a_score_by_less_than_half(snapshot, tmp_path):
    texts = ["quiet lake tea hindus is walk", "quiet lake tea hindus is not walk"]
    before = scores(snapshot, tmp_path / "before", texts)
    after = scores(snapshot, tmp_path / "after", texts, negate=0.5)
    assert before[1] - before[0] > 0.5
    assert after[1] - after[0] < (before[1] - before[0]) / 2
