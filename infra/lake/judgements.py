"""Which rows of the judgements still say something."""

from __future__ import annotations

import lance

WITHDRAWN = "withdrawn"


def standing(judgements: lance.LanceDataset, condition: str = "") -> str:
    """The filter of the judgements that meet the condition and were not withdrawn; empty where that is all of them.

    Tables of releases that knew of no withdrawal have no such column.
    """
    stands = f"({WITHDRAWN} IS NULL OR {WITHDRAWN} = false)" if WITHDRAWN in judgements.schema.names else ""
    return " AND ".join(filter(None, (condition and f"({condition})", stands)))
