import pytest
from lake_rows import judgement, post, put

from infra.batch_scoring import examples_of
from infra.batch_scoring.examples import TooFewExamplesError


def test_judged_posts_are_examples_by_the_majority_of_their_judgements(lake):
    votes = [
        judgement(f"post-{number}", violates=number < 3, moderator_id=f"moderator-{judge}")
        for number in range(8)
        for judge in range(2)
    ]
    doubted = judgement("post-7", violates=True, moderator_id="moderator-9")
    withdrawn = [
        judgement("post-0", moderator_id=f"moderator-{judge}", withdrawn=True) for judge in range(20, 25)
    ]
    elsewhere = judgement("post-8", policy="violence", violates=True)
    put(
        lake,
        [post(number, image=bytes([number])) for number in range(9)],
        [*votes, *withdrawn, doubted, elsewhere],
    )
    found = examples_of(lake, "hate_speech", 3)
    assert {row.post_id for row in found.violating} == {"post-0", "post-1", "post-2"}
    assert len(found.compliant) == 3
    assert {row.post_id for row in found.compliant} < {f"post-{number}" for number in range(3, 8)}
    assert found.violating[0].image == bytes([int(found.violating[0].post_id[5:])])
    assert examples_of(lake, "hate_speech", 3) == found


def test_too_few_judged_posts_say_how_many_there_are(lake):
    put(lake, [post(1)], [judgement("post-1", violates=True)])
    with pytest.raises(
        TooFewExamplesError, match="holds 1 posts judged to violate hate_speech and 0 judged not to"
    ):
        examples_of(lake, "hate_speech", 2)


def test_a_lake_without_judgements_has_no_examples(lake):
    with pytest.raises(TooFewExamplesError, match="holds 0 posts"):
        examples_of(lake, "hate_speech", 1)
