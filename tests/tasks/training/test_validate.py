import pytest
from lake_rows import judgement, post, put, put_platform

from expectations.findings import ValidationFailedError
from infra.lake import open_lake
from models.domain.errors import UserError
from tasks.data.snapshot import cut, pin
from tasks.training.validate import docs_folder, inspect


@pytest.fixture
def snapshot_of(settings):
    return lambda: cut.fn(settings, pin.fn(settings), "community_guidelines", 0)


def test_a_sound_lake_passes_and_its_warnings_are_carried_on(settings, snapshot_of):
    put_platform(open_lake(settings))
    validation = inspect(settings, snapshot_of())
    assert validation.success
    (unjudged, *_) = [found for found in validation.warnings if found.expectation == "EachPolicyIsJudged"]
    assert unjudged.observed == "11 of 12 with judged 0"
    assert "violence" not in unjudged.rows  # five are named
    assert len(unjudged.rows) == 5


def test_the_page_shows_each_expectation_in_words(settings, snapshot_of):
    put_platform(open_lake(settings))
    snapshot = snapshot_of()
    page = (docs_folder(settings, snapshot) / "index.html").read_text() if inspect(settings, snapshot) else ""
    assert f"snapshot {snapshot.id}" in page
    for words in ("near-duplicates lie in one split", "each policy has judged posts", "a post has text"):
        assert words in page


def test_a_critical_finding_names_the_expectation_the_value_and_the_rows(settings, snapshot_of):
    lake = open_lake(settings)
    put_platform(lake, 100)
    put(lake, [post(500, market="Utopia")], [judgement("post-500")])
    snapshot = snapshot_of()
    with pytest.raises(ValidationFailedError) as error:
        inspect(settings, snapshot)
    docs = docs_folder(settings, snapshot)
    assert str(error.value) == (
        "the data failed 1 critical expectation: posts, rows: MarketIsKnown "
        "(a market is an ISO 3166 code, ZZ where it is unknown): 1 of 101 with market Utopia; rows: post-500. "
        "Mend the source and ingest it again, or retrain with --as-of a time before it; "
        f"see {docs}/index.html"
    )
    assert isinstance(error.value, UserError)
    assert (docs / "index.html").exists()


def test_the_champions_snapshot_shows_what_drifted(settings, snapshot_of):
    lake = open_lake(settings)
    put_platform(lake, 200)
    before = snapshot_of()
    put(
        lake,
        [],
        [judgement(f"post-{n}", moderator_id="moderator-2", violates=True) for n in range(0, 200, 2)],
    )
    names = [found.expectation for found in inspect(settings, snapshot_of(), before.id).warnings]
    assert "LabelRateHasNotDrifted" in names


def test_a_champions_snapshot_that_is_gone_is_a_warning(settings, snapshot_of):
    put_platform(open_lake(settings))
    found = inspect(settings, snapshot_of(), "0123456789abcdef").warnings[-1]
    assert found.expectation == "BaselineIsThere"
    assert "0123456789abcdef" in found.observed
