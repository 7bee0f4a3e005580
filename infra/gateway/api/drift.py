"""What the watch found last, as gauges: monitoring learns of drift where it learns of everything else."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from infra.lake import Table


class Drift:
    """Reads the newest look from the lake's findings, and nothing where there was no other since."""

    def __init__(self, findings: Table, registry: CollectorRegistry) -> None:
        self._findings, self._version = findings, 0
        labels = ["signal", "subject"]
        self._moved = Gauge(
            "moderato_drift",
            "how far live traffic has moved from what the champion learned from",
            labels,
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._beyond = Gauge(
            "moderato_drift_beyond",
            "1 where that is shown to be out of bounds",
            labels,
            registry=registry,
            multiprocess_mode="mostrecent",
        )

    def refresh(self) -> None:
        """Set the gauges of the last look; a subject that is unknown by now keeps its last value."""
        if not self._findings.exists():
            return
        table = self._findings.open()
        if table.version == self._version:
            return
        rows = table.to_table(columns=["at", "signal", "subject", "value", "verdict"]).to_pylist()
        last = max((row["at"] for row in rows), default=None)
        for row in rows:
            if row["at"] == last and row["value"] is not None:
                self._moved.labels(row["signal"], row["subject"]).set(row["value"])
                self._beyond.labels(row["signal"], row["subject"]).set(row["verdict"] == "beyond")
        self._version = int(table.version)
