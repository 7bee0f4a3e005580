"""What a policy specialist writes, and what is said of what is wrong in it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from tomllib import loads

import pytest
from jsonschema import Draft7Validator

from models.domain.content import Action
from models.domain.located import WrittenError
from models.domain.policy import PolicySet
from models.domain.policy_changes import ChangeError, changed
from models.domain.policy_difference import differences
from models.domain.policy_file import read_policy_set, schema
from models.policies import POLICY_SETS

HEAD = 'title = "House rules"\n'
POLICY = """
[policies.spam]
title = "Spam"
severity = 3
definition = '''
Bulk messages that nobody asked for.
Adverts that are marked as such are allowed.'''
violating = ["buy vlimp"]
compliant = ["our shop is open"]
"""
OBJECTIVES = """
[objectives.default]
precision = { limit = 0.8, age_gate = 0.85, remove = 0.95 }
review_share = 0.03
minimum_judgements = 20
"""
GERMANY = OBJECTIVES.replace("default", "DE")
GOOD = HEAD + POLICY + OBJECTIVES

IN_YAML = """
title: House rules
policies:
  spam:
    title: Spam
    severity: 3
    definition: >
      Bulk messages that nobody asked for.
      Adverts that are marked as such are allowed.
    violating: [buy vlimp]
    compliant: [our shop is open]
objectives:
  default:
    precision: {limit: 0.8, age_gate: 0.85, remove: 0.95}
    review_share: 0.03
    minimum_judgements: 20
"""


@pytest.fixture
def read(tmp_path):
    def written(text, name="house_rules.toml"):
        path = tmp_path / name
        path.write_text(text)
        return read_policy_set(path)

    return written


@pytest.fixture
def faults(read):
    def told(text, name="house_rules.toml"):
        with pytest.raises(WrittenError) as error:
            read(text, name)
        return [fault.partition(f"/{name}:")[2] for fault in error.value.faults]

    return told


def test_toml_and_yaml_say_the_same(read):
    assert read(GOOD) == read(IN_YAML, "house_rules.yaml") == read(IN_YAML, "house_rules.yml")
    assert read(GOOD).policies[0].definition == (
        "Bulk messages that nobody asked for. Adverts that are marked as such are allowed."
    )


def test_the_name_is_the_files_and_no_part_of_the_content(read):
    assert read(GOOD).name == "house_rules"
    assert read(GOOD).digest == read(GOOD, "other.toml").digest
    assert read(GOOD).digest != read(GOOD.replace("0.95", "0.96")).digest


def test_a_set_of_before_has_the_same_content_hash_as_its_file(read):
    kept = PolicySet.model_validate_json(read(GOOD).model_dump_json())
    assert kept.digest == read(GOOD).digest


def test_the_shipped_set_keeps_the_bytes_that_bundles_and_snapshots_know():
    kept = POLICY_SETS["community_guidelines"].model_dump_json().encode()
    assert (
        hashlib.sha256(kept).hexdigest() == "871e111c0f147ce18af4b4a87f677b27d796919e5cf51ded84d13aeb17e1ee93"
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (GOOD.replace('title = "House', 'titel = "House'), "1: 'titel' says nothing here: did you mean"),
        (GOOD.replace("severity = 3", "severity = 7"), "5: spam: severity is 7; a severity goes from 1"),
        (GOOD.replace("severity = 3", "severity = true"), "5: severity is true; write a number"),
        (GOOD.replace("severity = 3", "serverity = 3"), "5: spam: 'serverity' says nothing here: did"),
        (GOOD.replace("severity = 3\n", ""), "3: spam: no 'severity': 1 for a nuisance to 5"),
        (GOOD.replace('["buy vlimp"]', '["buy vlimp", 3]'), "9: spam: violating has 3 in place 2"),
        (GOOD.replace('["buy vlimp"]', "[]"), "9: spam: violating is empty: examples that violate"),
        (GOOD.replace("policies.spam", "policies.Spam"), "3: Spam: 'Spam' is no key: small letters"),
        (GOOD.replace("limit = 0.8,", "limit = 80,"), "13: default: limit is 80; a precision is a share"),
        (GOOD.replace("limit = 0.8,", "limit = nan,"), "13: default: limit is nan; a precision is a share"),
        (GOOD.replace("limit = 0.8,", "limt = 0.8,"), "13: no action is called 'limt': did you mean 'limit'?"),
        (GOOD.replace("limit = 0.8,", "review = 0.8,"), "13: people review, so that it has no precision"),
        (GOOD.replace("review_share = 0.03", "review_share = 3"), "14: default: review_share is 3; a share of"),
        (GOOD.replace("default", "DE"), "1: house_rules needs objectives for 'default'"),
        (GOOD + GERMANY.replace("DE", "Germany"), "17: 'Germany' is no ISO 3166-1 alpha-2 code"),
        (GOOD + GERMANY + GERMANY.replace("DE", "DEU"), "22: DEU and DE are one market, DE; keep one"),
        (HEAD + OBJECTIVES, "1: no 'policies': a table for each policy"),
        (GOOD + POLICY, "17: cannot declare ('policies', 'spam') twice; it stands there twice"),
        (GOOD + "precision = 0.8\n", "16: cannot overwrite a value; it stands there twice"),
        ('title = "House\n', "1: "),
        ("name = 'rules'\n" + GOOD, "1: the set's name is its file's, 'house_rules'"),
    ],
)  # fmt: skip
def test_every_fault_has_its_line_and_what_to_do(faults, wrong, told):
    found = faults(wrong)
    assert any(fault.startswith(told) for fault in found), found


def test_faults_that_follow_from_others_are_not_told(faults):
    assert len(faults(GOOD.replace("severity = 3", "severity = 7"))) == 1
    assert len(faults(GOOD.replace('["buy vlimp"]', "[1, 2]"))) == 2
    assert len(faults(HEAD + OBJECTIVES)) == 1


def test_every_fault_is_told_in_the_order_of_the_file(faults):
    found = faults(GOOD.replace("severity = 3", "severity = 0").replace("0.03", "1.5").replace("House", "H"))
    assert [fault.split(":")[0] for fault in found] == ["5", "14"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (IN_YAML.replace("severity: 3", "severity: grave"), "6: spam: severity is 'grave'; a"),
        (IN_YAML + "  default: {}\n", "17: default stands there twice, first in"),
        (IN_YAML.replace("remove: 0.95", "ban: 0.95"), "14: no action is called 'ban'"),
        (IN_YAML.replace("title: Spam", "title: [Spam"), ""),
        ("- a\n- b\n", "1: it holds a list or a text"),
        (IN_YAML.replace("default:", "default: &it") + "  DE: *it\n", " it refers to another value with *"),
    ],
)  # fmt: skip
def test_a_fault_in_yaml_has_its_line_too(faults, wrong, told):
    found = faults(wrong, "house_rules.yaml")
    assert any(fault.startswith(told) for fault in found), found


def test_norway_is_a_market_and_no_is_a_word(read):
    text = IN_YAML.replace("[buy vlimp]", "[no, yes]") + IN_YAML.split("objectives:\n")[1].replace(
        "default", "NO"
    )
    found = read(text, "house_rules.yaml")
    assert found.markets == ("default", "NO")
    assert found.policies[0].violating == ("no", "yes")


def test_markets_are_folded_to_their_codes(read):
    found = read(GOOD + GERMANY.replace("DE", "uk") + GERMANY.replace("DE", "deu"))
    assert found.markets == ("default", "GB", "DE")


def test_what_is_no_utf_8_is_said(tmp_path):
    path = tmp_path / "house_rules.toml"
    path.write_bytes(GOOD.replace("House", "Häuser").encode("latin-1"))
    with pytest.raises(WrittenError, match="not in UTF-8 at byte 10; save it as UTF-8"):
        read_policy_set(path)


def test_the_schema_takes_what_is_shipped_and_refuses_what_is_not(read):
    checks = Draft7Validator(schema())
    Draft7Validator.check_schema(schema())
    shipped = POLICY_SETS.folders[0]
    for text in (GOOD, Path(shipped, "community_guidelines.toml").read_text()):
        assert list(checks.iter_errors(loads(text))) == []
    for wrong in (
        GOOD.replace("severity = 3", "severity = 7"),
        GOOD.replace("limit", "ban"),
        "x = 1\n" + GOOD,
    ):
        assert list(checks.iter_errors(loads(wrong)))
    assert json.dumps(schema()).count("description") > 10


def test_differences_are_told_field_by_field(read):
    before, after = read(GOOD), read(GOOD.replace("0.95", "0.97") + GERMANY, "other.toml")
    shares = "precision.limit 0.8, precision.age_gate 0.85, precision.remove 0.95, review_share 0.03"
    whole = f"{shares}, minimum_judgements 20"
    assert [(it.place, it.before, it.after) for it in differences(before, after)] == [
        ("objectives.default.precision.remove", 0.95, 0.97),
        ("objectives.DE", None, whole),
    ]
    assert differences(before, read(GOOD, "other.toml")) == []


def test_objectives_are_changed_by_a_word(read):
    found = changed(read(GOOD), ["de.remove=0.99", "default.review_share=0.05"])
    assert found.objectives["DE"].precision == {Action.LIMIT: 0.8, Action.AGE_GATE: 0.85, Action.REMOVE: 0.99}
    assert (found.objectives["default"].review_share, found.objectives["DE"].review_share) == (0.05, 0.03)
    assert changed(read(GOOD), []) == read(GOOD)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("DE.remove", "write MARKET.FIELD=VALUE, as in DE.remove=0.98"),
        ("DE.remvoe=0.9", "'remvoe' is no objective: did you mean 'remove'?"),
        ("DE.remove=98", "a precision is a share from 0 to 1: 95 % is 0.95"),
        ("Germany.remove=0.9", "Germany's is DE"),
        ("DE.minimum_judgements=few", "take a whole number from 1 on"),
    ],
)
def test_a_change_that_cannot_be_is_told(read, word, told):
    with pytest.raises(ChangeError, match=told):
        changed(read(GOOD), [word])
