"""Texts of the report, written by the templates beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from infra.markdown import code, plain
from infra.report.effects import shown
from infra.report.numbers import figure, hundredths, number, signed
from models.domain.policy import market_name

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = "templates"


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
