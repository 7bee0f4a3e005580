"""CSV and TSV records with the number of their first line; what is wrong with one costs no other."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from infra.ingest.lines import MAX_LINE, Line, blocks, decoded, lines
from infra.ingest.opening import Stream
from infra.ingest.reject import BadLineError
from infra.ingest.source import Delimited

MAX_LINES = 200  # a quoted field that spans more was never closed


class Record(NamedTuple):
    row: int
    fields: list[str] | BadLineError


def records(stream: Stream, form: Delimited, width: int) -> Iterator[Record]:
    """Every record of the file, a header included; `width` is how many fields it must have, 0 for any."""
    csv.field_size_limit(MAX_LINE)
    source = (line for block in blocks(stream) for line in lines(block))
    waiting: deque[Line] = deque()
    while span := _span(waiting, source, form):
        fields = _fields(span, form)
        if len(span) > 1 and (isinstance(fields, BadLineError) or (width and len(fields) != width)):
            waiting.extendleft(reversed(span[1:]))  # the quote was never meant to reach so far
            fields = BadLineError("broken_quoting", "a quote that is not closed on its line")
        width = width or (len(fields) if isinstance(fields, list) else 0)
        yield Record(span[0].row, _checked(fields, width))


def _span(waiting: deque[Line], source: Iterator[Line], form: Delimited) -> list[Line]:
    """The lines of one record: on to where its quotes are closed."""
    span: list[Line] = []
    open_quote = False
    while len(span) < MAX_LINES and (not span or open_quote):
        line = waiting.popleft() if waiting else next(source, None)
        if line is None:
            break
        span.append(line)
        open_quote ^= form.quoted and _quotes(line.data, form) % 2 == 1
    return span


def _quotes(data: bytes, form: Delimited) -> int:
    """How many quotes of the line open or close a field."""
    sign, escape = form.quote.encode(), form.escape.encode()
    if escape:
        data = data.replace(escape * 2, b"").replace(escape + sign, b"")
    return data.count(sign)


def _fields(span: list[Line], form: Delimited) -> list[str] | BadLineError:
    try:
        text = "\n".join(decoded(line.data) for line in span)
        if not form.quoted:
            return text.split(form.delimiter)
        reader = csv.reader(
            [text],
            delimiter=form.delimiter,
            quotechar=form.quote,
            escapechar=form.escape or None,
            doublequote=not form.escape,
            strict=True,
        )
        return next(reader)
    except BadLineError as error:
        return error
    except csv.Error:
        return BadLineError("broken_quoting", "a quote that is not closed, or that stands within a field")


def _checked(fields: list[str] | BadLineError, width: int) -> list[str] | BadLineError:
    if isinstance(fields, list) and len(fields) != width:
        return BadLineError("malformed_row", f"{len(fields)} fields where {width} are expected")
    return fields
