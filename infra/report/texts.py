"""Texts of the report, written by the templates beside this file, and numbers in them as people read them."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from infra.markdown import code, plain
from infra.report.effects import shown
from models.domain.policy import market_name
from models.evaluation.report import Figure

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = "templates"
NOUGHT = 1e-9  # what is smaller is a rounding error of nought
LARGE = 1000  # from which three digits would be read as a power of ten


class Escaped(str):
    """Markdown that is escaped already, as a code span is."""

    __slots__ = ()


def filled(template: str, **values: Any) -> str:
    """The template's text; every value in it is escaped for Markdown, or for HTML, as its name says (`.html.j2`)."""
    return _environment(html=".html." in template).get_template(template).render(**values)


def style() -> str:
    """CSS of the card, on a screen and on paper."""
    return files("infra.report").joinpath(FOLDER, "card.css").read_text("utf-8")


@cache
def _environment(*, html: bool) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("infra.report", FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=html,  # noqa: S701 - for Markdown `finalize` escapes every value
        finalize=None if html else lambda value: value if isinstance(value, Escaped) else plain(value),
    )
    environment.filters |= {
        "code": lambda value: Escaped(code(value)),
        "capitalise": lambda text: text[:1].upper() + text[1:],
        "figure": figure, "hundredths": hundredths, "market": market_name, "number": number, "shown": shown,
        "signed": signed,
    }  # fmt: skip
    return environment


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
