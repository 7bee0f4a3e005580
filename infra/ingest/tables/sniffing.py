"""The dialect of a file of delimited text, told from what it holds: encoding, delimiter, quotes, and its header."""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import charset_normalizer
import duckdb

from infra.ingest.opening import SNIFFED_BYTES, Stream, recoded, unpacked
from infra.ingest.reject import BadLineError
from infra.ingest.source import Delimited
from infra.ingest.tables.mapping import Reading

WESTERN = "cp1252"
NAMES = {"": "UTF-8", WESTERN: "Windows-1252"}
SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
PLAUSIBLE = 0.3  # share of letters beyond ASCII from which on a text is not of Western Europe
CHUNK_BYTES = 1 << 20  # bytes
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own first line


class Dialect(NamedTuple):
    """`first` is the line of the header, or of the first row where there is none."""

    form: Delimited
    width: int
    first: int
    told: str


@contextmanager
def opened(path: Path, reading: Reading) -> Iterator[tuple[Dialect, Stream]]:
    """The dialect, and all of the text as UTF-8; raises BadLineError, as for a file that is no text."""
    encoding = reading.encoding or _encoding(path)
    with unpacked(path) as (head, stream):
        if _is_utf8(encoding):
            yield _dialect(head, encoding, reading), stream
        else:
            text = head.decode(encoding, "replace").encode()
            yield _dialect(text, encoding, reading), recoded(stream, encoding)


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding or "utf-8").name in {"utf-8", "utf-8-sig", "ascii", "utf-16"}
    except LookupError:
        raise BadLineError(
            "unreadable_file", f"no encoding is called {encoding[:40]!r}; as in cp1252"
        ) from None


def _encoding(path: Path) -> str:
    """Empty for UTF-8, which a few bad lines do not change: they are refused one by one."""
    good = bad = 0
    sample = b""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    with unpacked(path) as (_, stream):
        while data := stream.read(CHUNK_BYTES):
            if data.isascii() and not decoder.getstate()[0]:
                continue
            text = decoder.decode(data)
            wrong = len(re.findall("[\udc80-\udcff]", text))
            bad += wrong
            good += sum(not sign.isascii() for sign in text) - wrong
            sample = sample or (data if wrong else b"")
    return "" if bad <= good else _legacy(sample)


def _legacy(sample: bytes) -> str:
    letters = sum(sign.isalpha() for sign in sample.decode(WESTERN, "replace"))
    beyond = sum(byte > 127 for byte in sample)  # noqa: PLR2004 - ASCII's last
    if beyond < PLAUSIBLE * max(1, letters):
        return WESTERN
    found = charset_normalizer.from_bytes(sample[:SNIFFED_BYTES]).best()
    return found.encoding if found else WESTERN


def _dialect(head: bytes, encoding: str, reading: Reading) -> Dialect:
    """Of the file's first lines, in UTF-8."""
    whole = head if len(head) < SNIFFED_BYTES else head[: head.rfind(b"\n") + 1] or head
    lines = whole.decode(errors="replace").splitlines()
    said = SEPARATOR.fullmatch(lines[0]) if lines else None
    sample = "\n".join(lines[1:] if said else lines) + "\n"
    form, skipped = _sniffed(sample, reading.delimiter or (said[1] if said else ""))
    first = skipped + 1 + bool(said)
    header = next(iter(sample.split("\n")[skipped:]), "")
    width = header.count(form.delimiter) + 1 if form.quote not in header else 0
    sign = SIGNS.get(form.delimiter, repr(form.delimiter))
    name = NAMES.get(encoding, encoding)
    told = f"{name}, {sign} between fields, header in line {first}"
    return Dialect(form, width, first, told)


def _sniffed(sample: str, delimiter: str) -> tuple[Delimited, int]:
    """The form, and how many lines stand before the header. DuckDB tries dialects and keeps the one that fits best."""
    form = Delimited(columns=(), delimiter=delimiter or _frequent(sample))
    option = f", delim = '{delimiter}'" if delimiter and delimiter != "'" else ""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as file:
        file.write(sample)
        file.flush()
        try:
            with duckdb.connect() as connection:
                query = f"SELECT Delimiter, Quote, Escape, SkipRows FROM sniff_csv('{file.name}', sample_size = -1{option})"  # noqa: S608, E501 - a name of our own
                [(sign, quote, escape, skipped)] = connection.sql(query).fetchall()
        except duckdb.Error:
            return form, 0
    quote = quote if quote not in {"", "(empty)", "\0"} else '"'
    escape = "\\" if escape == "\\" else ""
    return replace(form, delimiter=delimiter or sign, quote=quote, escape=escape), int(skipped)


def _frequent(sample: str) -> str:
    header = sample.partition("\n")[0]
    return max(SIGNS, key=header.count)
