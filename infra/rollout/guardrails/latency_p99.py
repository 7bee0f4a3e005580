"""One post in a hundred waits longer than this for its decision."""

from __future__ import annotations

from infra.rollout.guardrail import Guardrail, Tolerance, latency_at

GUARDRAIL = Guardrail(
    name="latency_p99",
    title="Tail latency",
    worse="higher",
    tolerance=Tolerance(relative=0.1, absolute=1.0),
    questions=latency_at(0.99),
    decisive=True,
    importance=2.0,
)
