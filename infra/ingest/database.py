"""The DuckDB that rows go through: bounded memory, UTC, and not a word on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

import duckdb

MEMORY = "400MB"  # what needs more spills to disk


@contextmanager
def database(work: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One thread, as pieces are read side by side; spills into `work`."""
    options = {
        "memory_limit": MEMORY,
        "temp_directory": str(work),
        "threads": 1,
        "autoload_known_extensions": False,  # it would look for them on the network
    }
    with duckdb.connect(config=options) as connection:
        yield _quiet(connection)


class Spare:
    """A database for what may break it, opened anew once something has; good for one thread at a time to ask for."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._open = ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def whole(self) -> duckdb.DuckDBPyConnection:
        try:
            if self._connection:
                self._connection.execute("SELECT 1").fetchall()
        except duckdb.Error:
            self._open.close()
            self._connection = None
        if self._connection is None:
            self._connection = self._open.enter_context(database(self._work))
        return self._connection


def another(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection to the same database for another thread."""
    return _quiet(connection.cursor())


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    connection.execute("SET enable_progress_bar = false")  # it would go to standard output
    with suppress(duckdb.Error):  # without its zone extension DuckDB knows no zone but UTC
        connection.execute("SET TimeZone = 'UTC'")
    return connection
