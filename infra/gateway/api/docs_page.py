"""The page of /docs: a field for the key, then the document in Swagger's form, where every request carries that key.

It holds nothing that is a secret; the document itself is given to holders of a key.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from infra.client import MAKE_A_KEY

DOCUMENT = "/openapi.json"
SQUARE = (  # a blue PNG of 64 by 64 pixels, for examples
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQMAAACQp+OdAAAAA1BMVEVGgrQW1EH0AAAAD0lEQVR42mNgGAWjgHwAAAJAAAHgTR1EAAAAAElFTkSu"
    "QmCC"
)


@cache
def docs_page() -> str:
    """HTML from the template beside this file."""
    from jinja2 import Template

    text = files("infra.gateway.api").joinpath("docs_page.html.j2").read_text("utf-8")
    template = Template(text, autoescape=True, keep_trailing_newline=True)
    page: str = template.render(make_a_key=MAKE_A_KEY, document=DOCUMENT)
    return page
