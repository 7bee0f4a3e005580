"""What people wrote is shown as they wrote it, and begins nothing."""

import html
import re

import pytest
from markdown import markdown
from opened import HOSTILE

from infra.markdown import cells, code, link, narrow, plain

TAGS = re.compile(r"<(?!/?(p|code)>)[^>]*>")


@pytest.mark.parametrize("text", [*HOSTILE, "*a* __b__ ~~c~~ \\[d]", "# a", "- a", "> a", "a\u202eb\x1b[31m"])
@pytest.mark.parametrize("shown", [plain, code])
def test_no_text_becomes_markup(text, shown):
    found = markdown(shown(text), extensions=["tables"])
    assert TAGS.search(found) is None
    assert "\u202e" not in found
    assert "\x1b" not in found


@pytest.mark.parametrize(
    "text", ["posts, rows", "a_b_c", "10% of 5 < 6 & 7 > 2", "[x](y)", "*", "a|b", "-0.5", "C:\\x"]
)
def test_the_words_stay_as_they_were(text):
    found = re.sub(r"</?p>", "", markdown(plain(text)))
    assert html.unescape(found) == text
    assert plain("-0.5") == "-0.5"


def test_a_row_has_as_many_cells_as_values():
    (row,) = re.findall(r"<tbody>(.*)</tbody>", markdown(
        "\n".join(["| a | b |", "|---|---|", cells("x | y\nz", "<b>")]), extensions=["tables"]
    ), re.DOTALL)  # fmt: skip
    assert re.findall(r"<td>(.*)</td>", row) == ["x &#124; y z", "&lt;b&gt;"]


def test_a_link_leads_to_a_page_or_nowhere():
    assert link("run", "http://127.0.0.1:5000/#/x") == "[run](http://127.0.0.1:5000/#/x)"
    assert link("run", "javascript:alert(1)") == "run"
    assert link("a]b", "http://h/a) <b>") == "[a&#93;b](http://h/a%29%20%3Cb%3E)"


def test_where_there_is_no_room_a_tables_rows_are_a_list():
    rows = [
        cells("policy", "missed", "at most"),
        "|---|---:|---:|",
        cells("a|b", 3, ""),
        cells("spam", "-", "-"),
    ]
    assert narrow("\n".join(["before", "", *rows, "", "- after | it"])).splitlines() == [
        "before",
        "",
        "- **a&#124;b** missed 3",
        "- **spam** missed &#45;, at most &#45;",
        "",
        "- after | it",
    ]
