import pytest

from models.content import Action
from models.evaluation.comparison import Comparison, Difference
from models.evaluation.effects import Effect, Effects, MarketEffects
from models.evaluation.measurement import Figure, Report
from models.evaluation.operating_points import OperatingPoints
from tasks.gate import Evidence
from tasks.gates import GATES

UNKNOWN = Figure(value=None)


def chance(high):
    return Figure(value=0.1, low=0.05, high=high)


def evidence(**changes):
    figure = Figure(value=0.6, low=0.5, high=0.7)
    report = Report(
        posts=10, macro_average_precision=changes.pop("precision", figure), chance=changes.pop("chance", chance(0.15)),
        macro_calibration_error=changes.pop("error", Figure(value=0.02, low=0.01, high=0.03)), policies=(), slices=(),
    )  # fmt: skip
    given = {
        "comparison": None, "latency_ms": 5.0, "size_bytes": 10 << 20, "parity": 1e-6, "effects": acting(remove=1),
    } | changes  # fmt: skip
    return Evidence(report=report, operating_points=OperatingPoints(policies=(), points=()), **given)


def acting(posts=100, **counts):
    """Effects in which so many posts are acted on, and the others allowed."""
    actions = {action: counts.get(str(action), 0) for action in Action}
    actions[Action.ALLOW] = posts - sum(counts.values())
    together = Effect(policy="", posts=posts, actions=actions, judged=posts, violations=10, passed=0)
    market = MarketEffects(market="default", own=True, together=together, policies=(), review_seconds=60)
    return Effects(posts=posts, markets=(market,), gaps=())


def compared(overall, *slices):
    def difference(name, credible):
        value = UNKNOWN if credible is None else Figure(value=credible - 0.01)
        return Difference(
            name=name, posts=9, candidate=0.5, champion=0.5, difference=value, credible=credible
        )

    parts = tuple(difference(f"market {i}", credible) for i, credible in enumerate(slices))
    return Comparison(
        champion=1, posts=9, excluded=0, overall=difference("all", overall), policies=(), slices=parts
    )


def verdict(gate, **changes):
    return [check.verdict for check in GATES[gate].checks(evidence(**changes))]


@pytest.mark.parametrize("gate", GATES.names())
def test_every_gate_says_what_it_asks_and_answers_under_its_name(gate):
    entry = GATES[gate]
    assert entry.title
    for check in entry.checks(evidence(comparison=compared(0.1, 0.1))):
        assert check.gate == entry.name
        assert check.detail
        assert check.passed


@pytest.mark.parametrize(
    ("gate", "changes", "expected"),
    [
        ("better_than_chance", {"chance": chance(0.59)}, ["passed"]),
        ("better_than_chance", {"chance": chance(0.6)}, ["failed"]),
        ("better_than_chance", {"precision": UNKNOWN, "chance": UNKNOWN}, ["failed"]),
        ("calibrated", {"error": Figure(value=0.2, low=0.1, high=0.3)}, ["passed"]),
        ("calibrated", {"error": Figure(value=0.2, low=0.11, high=0.3)}, ["failed"]),
        ("calibrated", {"error": UNKNOWN}, ["failed"]),
        ("fast_enough", {"latency_ms": 251.0}, ["failed"]),
        ("small_enough", {"size_bytes": 513 << 20}, ["failed"]),
        ("faithful_export", {"parity": 1.1e-4}, ["failed"]),
        ("acts", {"effects": acting(review=1)}, ["passed"]),
        ("acts", {"effects": acting()}, ["failed"]),
        ("not_worse_overall", {}, []),
        ("not_worse_overall", {"comparison": compared(0.0)}, ["passed"]),
        ("not_worse_overall", {"comparison": compared(-0.001)}, ["failed"]),
        ("not_worse_overall", {"comparison": compared(None)}, ["passed"]),
        ("not_worse_on_a_slice", {}, []),
        ("not_worse_on_a_slice", {"comparison": compared(0.0, -0.03, -0.031)}, ["passed", "failed"]),
    ],
)
def test_a_gate_fails_beyond_its_bound(gate, changes, expected):
    assert verdict(gate, **changes) == expected
