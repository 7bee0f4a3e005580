"""Sheets of Excel and of OpenDocument, as texts: what a spreadsheet keeps of ids, times and numbers."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

import python_calamine

from infra.ingest.notes import Notes
from infra.ingest.opening import SPARE, SWELLING
from infra.ingest.reject import BadLineError

MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
EXACT = 10**15  # from here on a spreadsheet has lost digits of a whole number
HEADERS = 20  # rows among which the header is looked for


def sheet(path: Path, name: str, notes: Notes) -> Iterator[tuple[int, list[str | None]]]:
    """Rows of a sheet with their numbers, the header first; raises BadLineError for what is none."""
    _refuse_bombs(path)
    try:
        book = python_calamine.load_workbook(str(path))
        chosen = _chosen(book, name, path, notes)
        rows = enumerate(
            ([_text(cell) for cell in row] for row in book.get_sheet_by_name(chosen).iter_rows()), 1
        )
        yield from _from_header(rows)
    except python_calamine.PasswordError:
        raise BadLineError("unreadable_file", "it asks for a password; save it without one") from None
    except (python_calamine.CalamineError, python_calamine.WorksheetNotFound, OSError, ValueError) as error:
        raise BadLineError("unreadable_file", f"no spreadsheet that can be read: {str(error)[:60]}") from None


def _chosen(book: python_calamine.CalamineWorkbook, name: str, path: Path, notes: Notes) -> str:
    """The sheet of that name, or the first that is shown and holds rows."""
    shown = [
        each.name
        for each in book.sheets_metadata
        if each.typ == python_calamine.SheetTypeEnum.WorkSheet
        and each.visible == python_calamine.SheetVisibleEnum.Visible
    ]
    if name and name not in book.sheet_names:
        raise BadLineError("missing_sheet", f"no sheet {name!r}; it has {', '.join(map(repr, shown))}")
    found = name or next((each for each in shown if book.get_sheet_by_name(each).height), "")
    if not found:
        raise BadLineError("unreadable_file", "no sheet of it that is shown holds a row")
    others = [each for each in shown if each != found]
    told = f"{path.name}: sheet {found!r}" + (f", and not {', '.join(map(repr, others))}" if others else "")
    notes.add("sniffed", told)
    return found


def _from_header(rows: Iterator[tuple[int, list[str | None]]]) -> Iterator[tuple[int, list[str | None]]]:
    """From the first row on that fills at least half as many cells as any of the first rows does."""
    head = [(number, row) for number, row in islice(rows, HEADERS)]
    most = max((_filled(row) for _, row in head), default=0)
    begin = next((place for place, (_, row) in enumerate(head) if 2 * _filled(row) > most), 0)
    yield from head[begin:]
    yield from rows


def _filled(row: Sequence[str | None]) -> int:
    return sum(cell is not None for cell in row)


def _text(cell: object) -> str | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < EXACT else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell) if str(cell).strip() else None


def _refuse_bombs(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as packed:
        size = sum(each.file_size for each in packed.infolist())
    if size > SWELLING * path.stat().st_size + SPARE:
        raise BadLineError("unreadable_file", f"unpacks to over {SWELLING} times its size")
