"""What comes from outside is checked by its form at one door."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.forms import FormError, beneath, digest, language, market, name, post_id


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (1436278513418522630, "1436278513418522630"),
        (2**64 - 1, str(2**64 - 1)),
        (" p1\n", "p1"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_an_id_has_one_spelling(given, kept):
    assert post_id(given) == kept


@pytest.mark.parametrize(
    "given",
    [True, False, None, 1.43e18, 2**64, -1, "1.43e+18", "1436278513418522630.0", "5e3", ".5", "true", "NaN", "", "  ",
     '{"a": 1}', "[1]", "a\0b", "a\x1bb", "x" * 201],
)  # fmt: skip
def test_what_is_no_id_is_refused(given):
    with pytest.raises(FormError, match="invalid_post_id"):
        post_id(given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("UK", "GB"),
        ("uk ", "GB"),
        ("EL", "GR"),
        ("de", "DE"),
        (" DE", "DE"),
        ("DEU", "DE"),
        ("", "ZZ"),
        ("ZZ", "ZZ"),
    ],
)
def test_a_market_has_one_spelling(given, kept):
    assert market(given) == kept


def test_a_market_that_is_none_is_refused():
    with pytest.raises(FormError, match="unknown_market"):
        market("Germany")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("iw", "he"), ("en_US", "en-US"), ("EN", "en"), ("eng", "en"), ("zh_hans", "zh-Hans"),
     ("zh-hant-tw", "zh-Hant-TW"),
     ("fil", "fil"), ("", "und"), ("Klingon", "und"), ("x-klingon", "und"), ("qqq", "und")],
)  # fmt: skip
def test_a_language_has_one_spelling_and_is_unknown_otherwise(given, kept):
    assert language(given) == kept


@pytest.mark.parametrize("given", ["", "..", "/etc", "a" * 63, "g" * 64, "A" * 64, None, "../" + "a" * 61])
def test_a_digest_is_64_hexadecimal_digits(given):
    with pytest.raises(FormError, match="invalid_digest"):
        digest(given)


@pytest.mark.parametrize("given", ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0", None])
def test_a_name_is_one_part_of_a_path(given):
    with pytest.raises(FormError, match="invalid_name"):
        name(given)


@pytest.mark.parametrize("given", ["", ".", "..", "../x", "/etc/passwd", "a/../../x", "link/x", "a\0"])
def test_nothing_leads_out_of_a_folder(given, tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    with pytest.raises(FormError, match="invalid_path"):
        beneath(tmp_path / "in", given)
    assert beneath(tmp_path / "in", "a/b") == tmp_path / "in" / "a" / "b"
