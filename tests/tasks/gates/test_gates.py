import pytest

from models.evaluation.report import Figure
from tasks.gates import GATES
from tasks.gates.base.contract import acting, compared, made_up_evidence, of_gate

UNKNOWN = Figure(value=None)


def chance(high):
    return Figure(value=0.1, low=0.05, high=high)


def verdict(gate, **changes):
    return [check.verdict for check in GATES[gate].checks(made_up_evidence(**changes))]


@pytest.mark.parametrize("gate", GATES.names())
def test_every_gate_keeps_the_contract_and_lets_a_good_candidate_pass(gate):
    assert of_gate(GATES[gate]) == []
    assert all(check.passed for check in GATES[gate].checks(made_up_evidence(comparison=compared(0.1, 0.1))))


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
