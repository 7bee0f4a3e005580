"""The form in which finished steps keep their results: JSON, and nothing that runs when it is read."""

from __future__ import annotations

import json
from typing import Any

TYPE = "moderato"  # of Prefect's serializers
VALUE, ERROR = (
    {"is", "value"},
    {"error", "message"},
)  # the fields of a result that was returned, and of one raised


def is_plain(kept: bytes) -> bool:
    """Whether a file of Prefect's is a result of ours: a step's with its metadata around it, a flow's without.

    Such a file names what reads it, and Prefect's own readers unpickle, or import a module that is named there. So
    the whole form is looked at, before Prefect sees it.
    """
    try:
        found = json.loads(kept)
        return _is_result(found) or (_is_record(found) and _is_result(json.loads(found["result"])))
    except (ValueError, TypeError, RecursionError):
        return False


def _is_record(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and set(found) == {"metadata", "result"}
        and isinstance(found["metadata"], dict)
        and found["metadata"].get("serializer") == {"type": TYPE}
    )


def _is_result(found: Any) -> bool:
    return isinstance(found, dict) and set(found) in (VALUE, ERROR)
