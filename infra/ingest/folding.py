"""Values folded to the one spelling that the lake holds, each distinct or suspicious one asked about by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.forms import FormError, author_id, language, market, moment, post_id
from infra.forms.ids import LARGEST, SMALLEST
from infra.ingest.notes import Notes
from models.domain.content import UNKNOWN_LANGUAGE
from models.domain.folding import is_blank
from models.domain.schemas import TIME

NUMERIC = re.compile(r"[+-]?[\d.]+([eE][+-]?\d+)?")


@dataclass
class Folded:
    """A typed table, why rows of it are refused (reason and detail by place), and what was left out or unknown."""

    table: pa.Table
    reasons: dict[int, tuple[str, str]] = field(default_factory=dict)
    doubtful: bool = False  # whether a value was a text or a number, only the file can tell
    notes: Notes = field(default_factory=Notes)

    def replace(self, name: str, column: pa.Array | pa.ChunkedArray) -> None:
        self.table = self.table.set_column(self.table.schema.get_field_index(name), name, column)


def folded(table: pa.Table) -> Folded:
    """The table, where `odd_post`, `odd_author`, `odd_time` and `odd_text` say which rows to look at."""
    made = Folded(table, doubtful=bool(pc.any(table["odd_word"]).as_py()))
    _codes(made, "market", market)
    _codes(made, "language", language)
    _times(made)
    _texts(made)
    _odd(made, "odd_author", "author_id", author_id)
    _odd(made, "odd_post", "post_id", post_id)
    return made


def _codes(made: Folded, name: str, fold: Callable[[str], str]) -> None:
    """Each distinct code is asked about once."""
    coded = pc.dictionary_encode(made.table[name].combine_chunks())
    given: list[str] = coded.dictionary.to_pylist()
    codes = coded.indices.to_numpy()
    kept = []
    for number, value in enumerate(given):
        try:
            kept.append(fold(value))
        except FormError as error:
            kept.append(value)
            made.reasons |= dict.fromkeys(np.flatnonzero(codes == number).tolist(), (error.key, error.detail))
        if kept[-1] == UNKNOWN_LANGUAGE and value.strip().lower() not in {"", UNKNOWN_LANGUAGE}:
            made.notes.add(
                "unknown_language", f"{value!r} is read as {UNKNOWN_LANGUAGE}", int((codes == number).sum())
            )
    if kept != given:
        made.replace(name, pa.array(kept, pa.string()).take(coded.indices))


def _times(made: Folded) -> None:
    places = _places(made.table["odd_time"])
    if not len(places):
        return
    texts = made.table["time"].take(pa.array(places)).to_pylist()
    moments = made.table["created_at"].to_numpy().astype("datetime64[us]")
    for place, text in zip(places.tolist(), texts, strict=True):
        try:
            moments[place] = np.datetime64(moment(text).replace(tzinfo=None), "us")
        except FormError as error:
            made.reasons[place] = (error.key, error.detail)
    made.replace("created_at", pa.array(moments, pa.timestamp("us")).view(pa.int64()).view(TIME))


def _texts(made: Folded) -> None:
    """What draws nothing is no text."""
    places = _places(made.table["odd_text"])
    texts = made.table["text"].take(pa.array(places)).to_pylist()
    blank = np.zeros(len(made.table), bool)
    blank[[place for place, text in zip(places.tolist(), texts, strict=True) if is_blank(text)]] = True
    if blank.any():
        made.replace("text", pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), made.table["text"]))


def _odd(made: Folded, flag: str, name: str, fold: Callable[[object], str]) -> None:
    """Ids that are not plainly ids; a row is not lost over its author."""
    places = _places(made.table[flag])
    if not len(places):
        return
    column: list[str | None] = made.table[name].to_pylist()
    for place in places.tolist():
        given = column[place]
        try:
            column[place] = fold(given)
        except FormError as error:
            column[place] = None
            if name == "post_id":
                made.reasons[place] = (error.key, error.detail)
            else:
                made.notes.add(error.key, error.detail)
        else:
            made.doubtful |= _numeric(str(column[place]))
    made.replace(name, pa.array(column, pa.string()))


def _numeric(text: str) -> bool:
    """Whether a number, and not a text, would have been refused."""
    if not NUMERIC.fullmatch(text):
        return False
    return not text.lstrip("+-").isdecimal() or not SMALLEST <= int(text[:40]) <= LARGEST


def _places(flags: pa.ChunkedArray) -> np.ndarray:
    return np.flatnonzero(flags.to_numpy())
