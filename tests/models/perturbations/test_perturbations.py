"""Perturbations: each keeps the contract, and what tests hold out is of another kind than what training sees."""

import numpy as np
import pytest

from flows.parts import contracts
from infra.settings import Settings
from models.data.respelling import trained
from models.domain.folding import folded
from models.perturbations import PERTURBATIONS
from models.perturbations.base.contract import PLAIN, of_perturbation
from models.perturbations.base.perturbation import TRAINED, Family, Perturbation, by_table, each_word

NAMES = PERTURBATIONS.names()
RNG = np.random.default_rng


@pytest.mark.parametrize("name", NAMES)
def test_every_perturbation_keeps_the_contract(name):
    assert of_perturbation(PERTURBATIONS[name]) == []


@pytest.mark.parametrize(
    ("rewrite", "told"),
    [
        (lambda text, _: text, "it leaves a plain text as it is"),
        (lambda text, _: text + str(RNG().random()), "the same generator gives another text"),
        (lambda text, _: text[0], "of '' it raises IndexError"),
        (lambda text, _: text.encode(errors="ignore"), "of '' it makes b'', which is no text"),
    ],
)
def test_what_a_perturbation_breaks_is_told(rewrite, told):
    own = Perturbation(name="own", about="own", family=Family.TYPING, rewrite=rewrite)
    assert any(fault.startswith(told) for fault in of_perturbation(own))


OWN = """from models.perturbations.base.perturbation import Family, Perturbation

PERTURBATION = Perturbation(
    name="tildes", about="tildes between letters", family=Family.SPELT, rewrite=lambda text, _: "~".join(text)
)
"""


def test_a_projects_own_is_tried_and_learned_from(project):
    project.write("parts/tildes.py", OWN)
    assert of_perturbation(PERTURBATIONS["tildes"]) == []
    assert any(found.name == "tildes" for family in trained() for found in family)
    assert (PERTURBATIONS, of_perturbation) in contracts(Settings(_env_file=None))


def test_every_family_is_there_and_training_has_other_ones_than_tests():
    assert {PERTURBATIONS[name].family for name in NAMES} == set(Family)
    assert len(NAMES) >= 33
    held_out = {found.family for found in PERTURBATIONS if found.held_out}
    trained = {found.family for found in PERTURBATIONS if not found.held_out}
    assert trained == set(TRAINED)
    assert held_out == set(Family) - TRAINED
    assert sum(found.held_out for found in PERTURBATIONS) > len(NAMES) / 2


@pytest.mark.parametrize(
    "name", [found.name for found in PERTURBATIONS if found.family in {Family.INVISIBLE, Family.ALIKE}]
)
def test_what_draws_the_same_letters_is_folded_away(name):
    if name == "greek":  # which looks much alike, and has letters of its own
        pytest.skip("a word of Greek look-alikes alone may be Greek")
    for seed in range(5):
        assert folded(PERTURBATIONS[name](PLAIN, RNG(seed))).lower() == PLAIN


def test_only_what_nobody_reads_at_once_is_said_to_be_unreadable():
    assert {found.name for found in PERTURBATIONS if not found.readable} == {"percent", "rotated"}


def test_a_table_keeps_capitals_apart_where_there_are_such_and_other_signs_as_they_are():
    assert by_table("ab", "4\u0432")("aAbBc", RNG(0)) == "44\u0432\u0432c"


def test_words_that_are_too_short_stay():
    assert each_word(lambda word, _: word[::-1], least=3)("an old  mill", RNG(0)) == "an dlo llim"
