"""What every server beside the gateway answers: the gateway's own computation, without its record."""

from __future__ import annotations

from typing import Any

from models.bundle.bundle import Bundle

BATCH, PATIENCE = 32, 0.005  # posts, seconds: how long and for how many the others wait
Answer = dict[str, Any]


def answers(bundle: Bundle, texts: list[str]) -> list[Answer]:
    """What the gateway computes for each text: scores, action and reasons."""
    scores = bundle.score(texts, [None] * len(texts))
    actions, reasons = bundle.decide(scores, [None] * len(texts))
    return [
        {
            "scores": dict(zip(bundle.policies, row, strict=True)),
            "action": str(action),
            "reasons": [one.policy for one in why],
        }
        for row, action, why in zip(scores.tolist(), actions, reasons, strict=True)
    ]
