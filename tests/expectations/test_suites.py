"""Each expectation is met by a clean platform and catches the dirt it is named for."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest
from lake_rows import INGESTED, START, judgement, post

from expectations.contract import of_suite
from expectations.running import run
from expectations.suite import Scope
from expectations.suites import SUITES
from models.domain.schemas import JUDGEMENTS, POSTS, snapshot_schema
from models.policies import POLICY_SETS

POLICIES = POLICY_SETS["community_guidelines"]
NAN = float("nan")


def placed(number: int, split: str, *, violates: bool = False, **fields) -> dict:
    """A snapshot's row, judged for every policy."""
    width = len(POLICIES.keys)
    row = post(number, author_id=f"author-{split}-{number // 5}")
    row |= {"market": ("US", "DE", "JP")[number % 3], "cluster": number, "split": split}
    row["created_at"] = START + timedelta(days=90 if split == "test" else 0, hours=number)
    return {**row, "labels": [float(violates)] * width, "votes": [1] * width, **fields}


def platform() -> SimpleNamespace:
    """Tables as lists of rows, without a fault."""
    posts = [post(number, created_at=START) for number in range(200)]
    splits = ["train"] * 140 + ["validation"] * 20 + ["calibration"] * 20 + ["test"] * 20
    snapshot = [placed(number, split, violates=number % 3 == 0) for number, split in enumerate(splits)]
    judgements = [judgement(row["post_id"]) for row in posts]
    return SimpleNamespace(posts=posts, judgements=judgements, snapshot=snapshot, baseline=None)


def reader(rows: list[dict], schema: pa.Schema):
    if "image" in schema.names:
        rows = [row | {"has_media": bool(row.get("image") or row.get("video"))} for row in rows]
        if "has_media" not in schema.names:  # the lake's reader works it out
            schema = schema.append(pa.field("has_media", pa.bool_()))
    table = pa.Table.from_pylist(rows, schema=schema)
    return lambda columns: table.select(list(columns)).to_reader(max_chunksize=64)


def unmet(tables: SimpleNamespace, folder) -> dict[str, tuple[bool, str]]:
    """The expectations that are not met: whether it is critical, and the finding in words."""
    width = snapshot_schema(POLICIES.keys)
    readers = {
        "posts": reader(tables.posts, POSTS),
        "judgements": reader(tables.judgements, JUDGEMENTS),
        "snapshot": reader(tables.snapshot, width),
    }
    if tables.baseline is not None:
        readers["baseline"] = reader(tables.baseline, width)
    report = run(list(SUITES), Scope(POLICIES, readers), folder, batch_rows=64)
    found = {finding.expectation: (True, str(finding)) for finding in report.failures}
    return found | {finding.expectation: (False, str(finding)) for finding in report.warnings}


@pytest.mark.parametrize("name", SUITES.names())
def test_a_suite_keeps_the_contract(name):
    assert of_suite(SUITES[name], POLICIES) == []


def test_a_clean_platform_meets_every_expectation(tmp_path):
    assert unmet(platform(), tmp_path) == {}


def test_a_platform_like_the_champions_has_not_drifted(tmp_path):
    tables = platform()
    tables.baseline = tables.snapshot
    assert unmet(tables, tmp_path) == {}


POST_DIRT = [
    ("PostHasContent", True, {"text": ""}, "post-7"),
    ("TextFits", True, {"text": "x" * 50_001}, "50001"),
    ("MarketIsKnown", True, {"market": "Germany"}, "Germany"),
    ("LanguageIsKnown", True, {"language": "English"}, "English"),
    ("ViewsAreCounted", True, {"views": -1}, "-1"),
    ("PublishedInThePast", False, {"created_at": INGESTED + timedelta(days=3)}, "post-7"),
    ("PostIsThereOnce", True, {"post_id": "post-8"}, "post-8"),
]


@pytest.mark.parametrize(("expectation", "critical", "dirt", "shown"), POST_DIRT)
def test_a_dirty_post_is_caught(tmp_path, expectation, critical, dirt, shown):
    tables = platform()
    tables.posts[7] = {**tables.posts[7], **dirt}
    found = unmet(tables, tmp_path)
    assert found[expectation][0] is critical
    assert shown in found[expectation][1]


JUDGEMENT_DIRT = [
    ("SourceIsKnown", True, {"source": "oracle"}, "oracle"),
    ("PolicyIsInTheSet", False, {"policy": "bad_manners"}, "bad_manners"),
    ("JudgedInThePast", False, {"decided_at": INGESTED + timedelta(days=3)}, "post-7"),
    ("JudgedPostIsThere", False, {"post_id": "nowhere"}, "nowhere"),
]


@pytest.mark.parametrize(("expectation", "critical", "dirt", "shown"), JUDGEMENT_DIRT)
def test_a_dirty_judgement_is_caught(tmp_path, expectation, critical, dirt, shown):
    tables = platform()
    tables.judgements[7] = {**tables.judgements[7], **dirt}
    found = unmet(tables, tmp_path)
    assert found[expectation][0] is critical
    assert shown in found[expectation][1]


def test_moderators_who_contradict_each_other_are_a_warning(tmp_path):
    tables = platform()
    tables.judgements += [
        {**row, "moderator_id": "moderator-2", "violates": True} for row in tables.judgements
    ]
    critical, words = unmet(tables, tmp_path)["ModeratorsAgreeEnough"]
    assert not critical
    assert "1 of 1 with disagreement 1; rows: hate_speech" in words


WIDTH = len(POLICIES.keys)
SNAPSHOT_DIRT = [
    ("SplitIsNamed", {"split": "holdout"}, "holdout"),
    ("PostIsJudged", {"votes": [0] * WIDTH, "labels": [NAN] * WIDTH}, "post-7"),
    ("LabelsAreShares", {"labels": [1.5] * WIDTH}, "post-7"),
    ("LabelsAreShares", {"labels": [NAN] * WIDTH}, "post-7"),
    ("LabelsAreShares", {"votes": [0, *[1] * (WIDTH - 1)]}, "post-7"),
    ("PostHasContent", {"text": None}, "post-7"),
    ("PostIsThereOnce", {"post_id": "post-9"}, "post-9"),
    ("NoAuthorCrossesSplits", {"author_id": "author-test-36"}, "author-test-36"),
    ("NoClusterCrossesSplits", {"cluster": 190}, "190"),
    ("TestIsLater", {"created_at": START + timedelta(days=200)}, "train"),
]


@pytest.mark.parametrize(("expectation", "dirt", "shown"), SNAPSHOT_DIRT)
def test_a_dirty_snapshot_stops_the_run(tmp_path, expectation, dirt, shown):
    tables = platform()
    tables.snapshot[7] = {**tables.snapshot[7], **dirt}
    found = unmet(tables, tmp_path)
    assert found[expectation][0]
    assert shown in found[expectation][1]


def test_undated_and_simultaneous_posts_need_no_time_cut(tmp_path):
    for moment in (None, START):
        tables = platform()
        tables.snapshot = [{**row, "created_at": moment} for row in tables.snapshot]
        folder = tmp_path / str(moment)
        folder.mkdir()
        assert "TestIsLater" not in unmet(tables, folder)


def test_an_empty_split_stops_the_run(tmp_path):
    tables = platform()
    tables.snapshot = [row for row in tables.snapshot if row["split"] != "calibration"]
    critical, words = unmet(tables, tmp_path)["EverySplitHasPosts"]
    assert critical
    assert "1 of 4 with posts 0; rows: calibration" in words


def test_a_snapshot_without_two_classes_for_any_policy_stops_the_run(tmp_path):
    tables = platform()
    tables.snapshot = [{**row, "labels": [0.0] * WIDTH} for row in tables.snapshot]
    found = unmet(tables, tmp_path)
    assert found["SomePolicyCanBeLearned"][0]
    assert not found["EachPolicyHasEnoughViolations"][0]


def first_policy(tables: SimpleNamespace, label: float, votes: int) -> None:
    for row in tables.snapshot:
        row["labels"] = [label, *row["labels"][1:]]
        row["votes"] = [votes, *row["votes"][1:]]


@pytest.mark.parametrize(
    ("expectation", "label", "votes"),
    [
        ("EachPolicyIsJudged", NAN, 0),
        ("EachPolicyHasEnoughViolations", 0.0, 1),
        ("EachPolicyHasEnoughCompliance", 1.0, 1),
    ],
)
def test_a_thin_policy_is_a_warning(tmp_path, expectation, label, votes):
    tables = platform()
    first_policy(tables, label, votes)
    critical, words = unmet(tables, tmp_path)[expectation]
    assert not critical
    assert words.endswith(f"rows: {POLICIES.keys[0]}")


def test_a_policy_that_is_mostly_unknown_is_a_warning(tmp_path):
    tables = platform()
    judged = [dict(row) for row in tables.snapshot[:4]]
    first_policy(tables, NAN, 0)
    tables.snapshot[:4] = judged
    assert not unmet(tables, tmp_path)["UnknownShareIsBounded"][0]


def test_rare_markets_and_languages_are_warnings(tmp_path):
    tables = platform()
    tables.snapshot = [{**row, "market": "US"} for row in tables.snapshot]
    tables.snapshot[0]["language"] = "sw"
    found = unmet(tables, tmp_path)
    assert "rows: DE, JP" in found["MarketCoverage"][1]
    assert "rows: sw" in found["LanguageCoverage"][1]


def test_longer_texts_and_more_violations_than_the_champion_saw_are_warnings(tmp_path):
    tables = platform()
    tables.baseline = [{**row, "text": row["text"][:20], "labels": [0.0] * WIDTH} for row in tables.snapshot]
    found = unmet(tables, tmp_path)
    assert not found["TextLengthHasNotDrifted"][0]
    assert not found["LabelRateHasNotDrifted"][0]


@pytest.mark.parametrize("suite", list(SUITES), ids=lambda suite: suite.name)
def test_a_suite_speaks_in_named_expectations(suite):
    scope = Scope(POLICIES, {})
    for part in (suite.rows, *suite.profiles):
        for expectation in part.expect(scope):
            assert type(expectation).__module__ == "expectations.vocabulary"
            assert expectation.description


@pytest.mark.parametrize("suite", list(SUITES), ids=lambda suite: suite.name)
def test_a_suite_derives_the_columns_it_speaks_of(suite):
    schema = {"posts": POSTS, "judgements": JUDGEMENTS, "snapshot": snapshot_schema(POLICIES.keys)}[
        suite.rows.table
    ]
    empty = reader([], schema)(suite.rows.columns).read_all()
    frame = suite.rows.frame(duckdb.connect(), empty)
    assert set(suite.rows.key) <= set(frame.columns)
    assert {expectation.column for expectation in suite.rows.expect(Scope(POLICIES, {}))} <= set(
        frame.columns
    )
