"""The vocabulary that suites are written in: Great Expectations' expectations under their business names.

Each class says what it means in a sentence and how grave a breach is: a critical one stops the run, a warning is
reported. Bounds are defaults; a suite may give others.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what Great Expectations imports
    import great_expectations.expectations as gxe
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

from models.domain.content import MAX_TEXT, JudgementSource
from models.domain.schemas import SPLITS

CRITICAL, WARNING = FailureSeverity.CRITICAL, FailureSeverity.WARNING


class Spoken:
    """Keeps a class's defaults in the results: Great Expectations leaves out values that equal a default."""

    column: str
    description: str
    severity: FailureSeverity

    @property
    def configuration(self) -> ExpectationConfiguration:
        spoken = super().configuration  # type: ignore[misc]
        spoken.severity = self.severity
        spoken.description = self.description
        for name in ("column", "min_value", "max_value", "value_set", "regex"):
            if getattr(self, name, None) is not None:
                spoken.kwargs[name] = getattr(self, name)
        return spoken


class _Within(Spoken, gxe.ExpectColumnValuesToBeBetween):  # type: ignore[misc]
    """Every value of a column lies between bounds; a row without a value is not judged."""


class _OneOf(Spoken, gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """Every value of a column is one of a set."""


class _Written(Spoken, gxe.ExpectColumnValuesToMatchRegex):  # type: ignore[misc]
    """Every value of a column matches a pattern from its beginning."""


# Posts: a row for each post


class PostHasContent(_OneOf):
    column: str = "has_content"
    value_set: list[bool] = [True]  # noqa: RUF012 - pydantic copies defaults
    description: str = "a post has text, an image or a video"


class PostIsThereOnce(_Within):
    column: str = "copies"
    max_value: int = 1
    description: str = "no two rows are about one post"


class TextFits(_Within):
    column: str = "text_length"
    max_value: int = MAX_TEXT
    description: str = f"a text has at most {MAX_TEXT:,} characters"


class MarketIsKnown(_Written):
    column: str = "market"
    regex: str = "^[A-Z]{2}$"
    description: str = "a market is an ISO 3166 code, ZZ where it is unknown"


class LanguageIsKnown(_Written):
    column: str = "language"
    regex: str = "^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$"
    description: str = "a language is a BCP 47 tag, und where it is unknown"


class ViewsAreCounted(_Within):
    column: str = "views"
    min_value: int = 0
    description: str = "views are not negative"


class PublishedInThePast(_Within):
    column: str = "days_ahead"
    max_value: float = 1.0
    description: str = "a post is not dated over a day after it came in"
    severity: FailureSeverity = WARNING


# Judgements: a row for each judgement, then for each policy


class SourceIsKnown(_OneOf):
    column: str = "source"
    value_set: list[str] = [source.value for source in JudgementSource]  # noqa: RUF012 - pydantic copies defaults
    description: str = "a judgement comes from a moderator, an appeal, an import or an LLM"


class PolicyIsInTheSet(_OneOf):
    column: str = "policy"
    description: str = "a judgement is about a policy of the set; others are not learned"
    severity: FailureSeverity = WARNING


class JudgedInThePast(_Within):
    column: str = "days_ahead"
    max_value: float = 1.0
    description: str = "a judgement is not dated over a day after it came in"
    severity: FailureSeverity = WARNING


class JudgedPostIsThere(_Within):
    column: str = "without_post"
    max_value: int = 0
    description: str = "a judgement is about a post that the lake holds"
    severity: FailureSeverity = WARNING


class ModeratorsAgreeEnough(_Within):
    column: str = "disagreement"
    max_value: float = 0.25
    description: str = "of two judgements of one post and policy, few contradict each other"
    severity: FailureSeverity = WARNING


# Snapshot: a row for each post, then for each policy, split, market, language, author and cluster


class SplitIsNamed(_OneOf):
    column: str = "split"
    value_set: list[str] = list(SPLITS)  # noqa: RUF012 - pydantic copies defaults
    description: str = f"a post lies in one of {', '.join(SPLITS)}"


class PostIsJudged(_Within):
    column: str = "judgements"
    min_value: int = 1
    description: str = "a post has a judgement for some policy"


class LabelsAreShares(_OneOf):
    column: str = "labels_are_shares"
    value_set: list[bool] = [True]  # noqa: RUF012 - pydantic copies defaults
    description: str = "a label is a share of votes: from 0 to 1, and unknown exactly where nobody judged"


class EverySplitHasPosts(_Within):
    column: str = "posts"
    min_value: int = 1
    description: str = "each split has posts"


class SomePolicyCanBeLearned(_Within):
    column: str = "rarer_class"
    min_value: int = 1
    description: str = "some policy has training posts that violate it and posts that do not"


class EachPolicyIsJudged(_Within):
    column: str = "judged"
    min_value: int = 1
    description: str = "each policy has judged posts"
    severity: FailureSeverity = WARNING


class EachPolicyHasEnoughViolations(_Within):
    column: str = "violating"
    min_value: int = 20
    description: str = "each judged policy has enough posts that violate it"
    severity: FailureSeverity = WARNING


class EachPolicyHasEnoughCompliance(_Within):
    column: str = "compliant"
    min_value: int = 20
    description: str = "each judged policy has enough posts that do not violate it"
    severity: FailureSeverity = WARNING


class UnknownShareIsBounded(_Within):
    column: str = "unknown_share"
    max_value: float = 0.95
    description: str = "most posts of the snapshot are not unknown for a policy that is judged"
    severity: FailureSeverity = WARNING


class MarketCoverage(_Within):
    column: str = "posts"
    min_value: int = 50
    description: str = "each market with objectives of its own has enough posts"
    severity: FailureSeverity = WARNING


class LanguageCoverage(_Within):
    column: str = "posts"
    min_value: int = 20
    description: str = "each language that occurs has enough posts to be measured"
    severity: FailureSeverity = WARNING


class NoAuthorCrossesSplits(_Within):
    column: str = "splits"
    max_value: int = 1
    description: str = "an author's posts lie in one split"


class NoClusterCrossesSplits(_Within):
    column: str = "splits"
    max_value: int = 1
    description: str = "near-duplicates lie in one split"


class TestIsLater(_Within):
    column: str = "posts_in_test_time"
    max_value: int = 0
    description: str = "no dated post of another split is as late as the first of test"


class TextLengthHasNotDrifted(_Within):
    column: str = "text_length_ratio"
    min_value: float = 0.67
    max_value: float = 1.5
    description: str = "texts are about as long as in the champion's snapshot"
    severity: FailureSeverity = WARNING


class LabelRateHasNotDrifted(_Within):
    column: str = "rate_change"
    min_value: float = -0.1
    max_value: float = 0.1
    description: str = "a policy is violated about as often as in the champion's snapshot"
    severity: FailureSeverity = WARNING
