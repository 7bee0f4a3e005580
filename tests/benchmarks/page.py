"""`make figures`: the last figures of each bench go into docs/benchmarks.json, and from there into the pages.

A page says where: between `<!-- figures -->` and `<!-- end -->` stand all benches' figures, between
`<!-- table of NAME -->` and `<!-- end -->` what bench NAME tells beside its figures.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

from tests.benchmarks.frame import ROOT, Seen, Table, line, shown
from tests.benchmarks.results import BUSY, LAST, PUBLISHED, Result, Results, write

BLOCK = re.compile(r"(<!-- (figures|table of (\w+)) -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = Table(columns=("bench", "what", "beside", "seen", "aim", "verdict"), rows=()).markdown()


def pages() -> list[Path]:
    return [path for path in sorted((ROOT / "docs").glob("*.md")) if BLOCK.search(path.read_text("utf-8"))]


def filled(page: str, results: Results) -> str:
    """The page with its blocks made anew; raises KeyError for a table of a bench that has no results."""

    def block(found: re.Match[str]) -> str:
        opening, _, name, end = found.groups()
        text = table_of(name, results.benches[name]) if name else figures(results)
        return f"{opening}{text}\n{end}"

    return BLOCK.sub(block, page)


def figures(results: Results) -> str:
    rows = [row for name, result in results.benches.items() for row in rows_of(name, result)]
    return "\n".join([HEAD, *rows, "", *origins(results)])


def rows_of(name: str, result: Result) -> list[str]:
    """Its figures; a line with the reason where there are none or it crashed."""
    rows = [row_of(name, it) for it in result.told()]
    if result.outcome != "measured":
        rows.append(line((f"`{name}`", result.about, "", "", "", f"{result.outcome}: {result.reason}")))
    return rows


def row_of(name: str, it: Seen) -> str:
    figure = it.figure
    value = "" if it.value is None else shown(it.value, figure.unit)
    note = f" ({it.note})" if it.note else ""
    verdict = f"**{it.verdict}**" if it.verdict == "missed" else it.verdict
    aim = figure.aim.shown(figure.unit)
    return line((f"`{name}`", figure.name, figure.beside, value + note, aim, verdict))


def origins(results: Results) -> list[str]:
    """Where and when the figures were seen, a line for each machine, day and version."""
    benches = defaultdict(list)
    for name, result in results.benches.items():
        if result.outcome != "skipped":
            benches[origin(result)].append(f"`{name}`")
    return [f"- {where}: {', '.join(names)}" for where, names in sorted(benches.items())]


def origin(result: Result) -> str:
    code = f", {result.version} at {result.commit}" if result.commit else ""
    source = "" if result.source == "make bench" else f" ({result.source})"
    busy = f", while others kept {result.load:.1f} processes busy" if result.load > BUSY else ""
    return f"{result.machine}, {result.at[:10]}{code}{busy}{source}"


def table_of(name: str, result: Result) -> str:
    return (
        result.table.markdown()
        if result.table
        else f"`make bench WHAT={name}` has not filled this table yet."
    )


def published(last: Results, before: Results) -> Results:
    """A bench that was skipped here says nothing against what was seen elsewhere."""
    news = {
        name: result
        for name, result in last.benches.items()
        if result.outcome != "skipped" or name not in before.benches
    }
    return before.updated(news)


def main() -> None:
    results = published(Results.read(LAST), Results.read(PUBLISHED))
    results.write(PUBLISHED)
    for path in pages():
        write(path, filled(path.read_text("utf-8"), results))


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(str(error))
