"""What every batch must be before Lance sees it: a table that took other bytes could never be read again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import pyarrow as pa

T = TypeVar("T")


class UnfitRowsError(ValueError):
    """Rows that a table refuses: text that is not UTF-8, a gap where none may be, columns of another type."""


class Door:
    """Passes batches on, each checked whole. Lance hides what a reader of its raises, so it is raised again here."""

    def __init__(self, schema: pa.Schema, table: str) -> None:
        self.schema, self.table = schema, table
        self._refused: UnfitRowsError | None = None

    def through(self, batches: Iterable[pa.RecordBatch], write: Callable[[pa.RecordBatchReader], T]) -> T:
        """What `write` makes of the batches. Raises UnfitRowsError, and then nothing is committed."""
        try:
            return write(pa.RecordBatchReader.from_batches(self.schema, self._checked(batches)))
        except Exception:
            if self._refused:
                raise self._refused from None
            raise

    def _checked(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            try:
                check(batch, self.schema)
            except ValueError as error:
                self._refused = UnfitRowsError(f"{self.table}: nothing was written, for {error}")
                raise self._refused from None
            yield batch


def check(batch: pa.RecordBatch, schema: pa.Schema) -> None:
    """Raises ValueError with what is wrong with which column."""
    for field in schema:
        if field.name not in batch.schema.names:
            raise ValueError(f"the column {field.name} is missing")
        column = batch.column(field.name)
        if column.type != field.type:
            raise ValueError(f"{field.name} holds {column.type} and not {field.type}")
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            raise ValueError(f"{field.name} holds bytes that are not UTF-8, or offsets that lead out of it") from None
        if _gap(column, field):
            raise ValueError(f"{field.name} may not be missing, and is")


def _gap(column: pa.Array, field: pa.Field) -> bool:
    """Whether a value is missing where the schema says that none is; what lies in a missing value does not count."""
    if column.null_count:
        if not field.nullable:
            return True
        if not pa.types.is_nested(field.type):
            return False
        column = column.drop_null()
    if pa.types.is_struct(field.type):
        return any(_gap(column.field(place), inner) for place, inner in enumerate(field.type))
    if pa.types.is_list(field.type) or pa.types.is_fixed_size_list(field.type):
        return _gap(column.flatten(), field.type.value_field)
    return False
