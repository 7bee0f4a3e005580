"""Half of all posts wait longer than this for their decision."""

from __future__ import annotations

from infra.rollout.guardrail import Guardrail, Tolerance, latency_at

GUARDRAIL = Guardrail(
    name="latency_p50",
    title="Median latency",
    worse="higher",
    tolerance=Tolerance(relative=0.1, absolute=1.0),
    questions=latency_at(0.5),
    decisive=True,
)
