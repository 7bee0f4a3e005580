"""Drift as Prometheus sees it."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry

from infra.gateway.api.drift import Drift
from models.domain.schemas import FINDINGS

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def registry():
    return CollectorRegistry()


def look(lake, at, value, verdict):
    row = {
        "at": at, "model_version": 1, "signal": "recall", "subject": "hate_speech", "reference": 0.8, "live": 0.5,
        "value": value, "bound": 0.1, "verdict": verdict,
    }  # fmt: skip
    lake.findings.append(pa.Table.from_pylist([row], FINDINGS).to_batches())


def gauges(registry):
    labels = {"signal": "recall", "subject": "hate_speech"}
    return tuple(
        registry.get_sample_value(name, labels) for name in ("moderato_drift", "moderato_drift_beyond")
    )


def test_before_the_first_look_there_is_no_gauge(lake, registry):
    Drift(lake.findings, registry).refresh()
    assert gauges(registry) == (None, None)


def test_the_gauges_follow_the_newest_look(lake, registry):
    drift = Drift(lake.findings, registry)
    look(lake, NOON, 0.3, "beyond")
    drift.refresh()
    assert gauges(registry) == (0.3, 1.0)
    look(lake, NOON + timedelta(hours=1), 0.02, "within")
    drift.refresh()
    assert gauges(registry) == (0.02, 0.0)


def test_a_look_that_could_not_tell_leaves_the_last_value(lake, registry):
    drift = Drift(lake.findings, registry)
    look(lake, NOON, 0.3, "beyond")
    look(lake, NOON + timedelta(hours=1), None, "unknown")
    drift.refresh()
    assert gauges(registry) == (None, None)
    look(lake, NOON + timedelta(hours=2), 0.2, "beyond")
    drift.refresh()
    assert gauges(registry) == (0.2, 1.0)
