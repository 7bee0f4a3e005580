"""Numbers as people read them."""

from __future__ import annotations

from decimal import Decimal

from models.evaluation.report import Figure

NOUGHT = 1e-9  # what is smaller is a rounding error of nought
LARGE = 1000  # from which three digits would be read as a power of ten


def number(value: float | None) -> str:
    """Three significant digits, never as a power of ten; no nought with a sign."""
    if value is None:
        return "none"
    if abs(value) < NOUGHT:
        return "0"
    return f"{value:,.0f}" if abs(value) >= LARGE else f"{Decimal(f'{value:.3g}'):f}"


def hundredths(value: float) -> str:
    """Two decimals, for what stands below each other."""
    return f"{round(value, 2) + 0.0:.2f}"  # a nought added takes its sign away


def figure(found: Figure) -> str:
    """The value and its interval."""
    if found.value is None:
        return "not measurable"
    return f"{number(found.value)} ({number(found.low)} to {number(found.high)})"


def signed(found: Figure) -> str:
    """A difference and its interval: what is better says so by its sign."""
    value, low, high = (f"{round(it or 0.0, 3) + 0.0:+.3f}" for it in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"
