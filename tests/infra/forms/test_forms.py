"""What comes from outside is checked by its form at one door."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.forms import FormError, author_id, beneath, digest, language, market, moment, name, post_id


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (1436278513418522630, "1436278513418522630"),
        (2**64 - 1, str(2**64 - 1)),
        (-5, "-5"),
        ("12345e67", "12345e67"),
        ("1503435956.000247", "1503435956.000247"),
        (" p1\n", "p1"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_an_id_has_one_spelling(given, kept):
    assert post_id(given) == kept


@pytest.mark.parametrize(
    "given",
    [True, False, None, 1.43e18, 2**64, -(2**63) - 1, "1.43e+18", "1436278513418522630.0", "5e3", ".5", "true", "NaN", "", "  ",
     '{"a": 1}', "[1]", "a\0b", "a\x1bb", "x" * 201],
)  # fmt: skip
def test_what_is_no_id_is_refused(given):
    with pytest.raises(FormError, match="invalid_post_id"):
        post_id(given)


def test_an_author_is_known_by_the_rules_of_a_post():
    assert author_id(" a1 ") == "a1"
    with pytest.raises(FormError, match="invalid_author_id"):
        author_id("1.43e+18")


TEN = "2026-11-02T10:00:00+00:00"


@pytest.mark.parametrize(
    ("given", "meant"),
    [("2026-11-02T10:00:00Z", TEN), ("2026-11-02t10:00:00z", TEN), ("2026-11-02 10:00:00", TEN),
     ("2026-11-02T15:30:00+05:30", TEN), ("2026-11-02T15:30:00+0530", TEN), ("2026-11-02 10:00:00 GMT", TEN),
     ("2026-11-02 11:00:00 Europe/Berlin", TEN), ("Mon Nov 02 10:00:00 +0000 2026", TEN),
     ("Mon, 02 Nov 2026 10:00:00 +0000", TEN), ("1793613600", TEN), ("1793613600000", TEN), ("1793613600000000", TEN),
     ("1793613600000000000", TEN), ("1793613600.25", "2026-11-02T10:00:00.250000+00:00"),
     ("2026-11-02", "2026-11-02T00:00:00+00:00"), ("2026-W45-1", "2026-11-02T00:00:00+00:00"),
     ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"), ("2026-11-01T24:00:00Z", "2026-11-02T00:00:00+00:00"),
     ("2026-11-02T10:00:00.123456789Z", "2026-11-02T10:00:00.123456+00:00")],
)  # fmt: skip
def test_a_time_is_one_moment(given, meant):
    assert moment(given).isoformat() == meant


@pytest.mark.parametrize(
    ("given", "hint"),
    [("2026-11-02 10:00:00 CST", "CST is the name of several zones"), ("2026-11-02 10:00:00 IST", "several zones"),
     ("Mon, 02 Nov 2026 10:00:00 EST", "write 2026"), ("02.11.2026 10:00", "write 2026"), ("20261102", "write 2026"),
     ("11/02/2026 10:00", "write 2026"), ("0000-00-00 00:00:00", "write 2026"), ("0", "write 2026"),
     ("1969-12-31T23:59:59Z", "before 1970"), ("2026-03-29T02:30:00 Europe/Berlin", "skip that hour"),
     ("2026-10-25T02:30:00 Europe/Berlin", "or show it twice"), ("2026-11-02T10:00:00 ../../etc/passwd", "no time"),
     ("infinity", "write 2026"), ("9" * 400, "write 2026"), ("2026-11-02 \0", "write 2026")],
)  # fmt: skip
def test_a_time_that_may_mean_several_is_refused_with_what_to_write(given, hint):
    with pytest.raises(FormError, match=f"invalid_time.*{hint}"):
        moment(given)


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
        ("XK", "XK"),
        ("ZR", "CD"),
        ("US-CA", "US"),
    ],
)
def test_a_market_has_one_spelling(given, kept):
    assert market(given) == kept


@pytest.mark.parametrize(
    ("given", "hint"), [("Germany", "Germany's is DE"), ("EU", "ZZ stands for unknown"), ("AN", "until 2010-12-15")]
)
def test_a_market_that_is_none_is_refused_with_what_to_do(given, hint):
    with pytest.raises(FormError, match=f"unknown_market.*{hint}"):
        market(given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("iw", "he"), ("en_US", "en-US"), ("EN", "en"), ("eng", "en"), ("zh_hans", "zh-Hans"),
     ("zh-hant-tw", "zh-Hant-TW"),
     ("en_US.UTF-8", "en-US"), ("en-GB-oed", "en-GB-oed"), ("de-u-co-phonebk", "de"), ("fil", "fil"), ("", "und"), ("Klingon", "und"), ("x-klingon", "und"), ("qqq", "und")],
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
