"""What a challenger may not worsen, one guardrail a file: a file here that announces GUARDRAIL is read."""

from __future__ import annotations

from infra.rollout.guardrail import Guardrail
from models.domain.catalogue import Catalogue

GUARDRAILS = Catalogue(__name__, "GUARDRAIL", Guardrail)
