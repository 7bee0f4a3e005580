"""Bars with intervals as inline SVG: no script, no style of their own, as wide as the page lets them be."""

from __future__ import annotations

from html import escape

from models.evaluation.report import Figure

HEIGHT, PLAIN = 30, 20  # pixels of a row with a champion below the candidate, and without
TICKS = (0, 0.25, 0.5, 0.75, 1)


def compared(ours: Figure, theirs: Figure | None, chance: float | None, label: str) -> str:
    """The candidate's bar, the champion's below it where there is one, and what chance reaches; all from 0 to 1."""
    height = HEIGHT if theirs else PLAIN
    parts = [_grid(height), _bar(ours, 4, 11, "ours")]
    if theirs:
        parts.append(_bar(theirs, 18, 8, "theirs"))
    if chance is not None:
        parts.append(f'<line class="chance" x1="{chance:.2%}" x2="{chance:.2%}" y1="1" y2="{height - 1}"/>')
    return _drawn(height, label, "".join(parts))


def stacked(parts: list[tuple[str, float]], label: str) -> str:
    """Shares of a whole, side by side: (class, share in [0, 1])."""
    drawn, start = [], 0.0
    for name, share in parts:
        drawn.append(f'<rect class="{escape(name)}" x="{start:.3%}" y="0" width="{share:.3%}" height="14"/>')
        start += share
    return _drawn(14, label, "".join(drawn))


def axis() -> str:
    """The scale below the bars."""
    anchors: dict[float, str] = {0: "start", 1: "end"}
    ticks = "".join(
        f'<text x="{at:.0%}" y="12" text-anchor="{anchors.get(at, "middle")}">{at:g}</text>' for at in TICKS
    )
    return _drawn(16, "scale from 0 to 1", ticks)


def _drawn(height: int, label: str, inside: str) -> str:
    return (
        f'<svg class="bar" width="100%" height="{height}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{inside}</svg>"
    )


def _grid(height: int) -> str:
    return "".join(f'<line class="grid" x1="{at:.0%}" x2="{at:.0%}" y1="0" y2="{height}"/>' for at in TICKS)


def _bar(found: Figure, top: int, thick: int, name: str) -> str:
    if found.value is None:
        return ""
    middle, low, high = top + thick / 2, found.low or 0.0, found.high or found.value
    ends = "".join(
        f'<line class="whisker" x1="{at:.2%}" x2="{at:.2%}" y1="{middle - 3}" y2="{middle + 3}"/>'
        for at in (low, high)
    )
    return (
        f'<rect class="{name}" x="0" y="{top}" width="{found.value:.2%}" height="{thick}" rx="1.5"/>'
        f'<line class="whisker" x1="{low:.2%}" x2="{high:.2%}" y1="{middle}" y2="{middle}"/>{ends}'
    )
