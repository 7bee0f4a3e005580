"""The watch room: what live traffic shows against what the champion learned from, signal by signal."""

from infra.watch.live import live_view
from infra.watch.promises import kept_promises
from infra.watch.reference import reference_view
from infra.watch.signal import Finding, Signal
from infra.watch.signals import SIGNALS
from infra.watch.view import View
from infra.watch.watching import compare_views

__all__ = [
    "SIGNALS",
    "Finding",
    "Signal",
    "View",
    "compare_views",
    "kept_promises",
    "live_view",
    "reference_view",
]

# modules that others import from their own file: for tests of parts
PUBLIC = ("contract",)
