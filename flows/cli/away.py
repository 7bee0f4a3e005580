"""Which store an error says is away: known by what its client raises, and nothing is imported to look."""

from __future__ import annotations

from typing import Any

from infra.knock import not_reached

DOWN = (
    "INTERNAL_ERROR",
    "TEMPORARILY_UNAVAILABLE",
)  # MLflow's codes for a server or database that does not answer
NOT_MLFLOW = "API request to endpoint"  # how its client begins to tell of an answer that is not MLflow's
NO_LAKE = (
    "Generic S3 error",
    "Failed to get AWS credentials",
)  # of Lance, where neither rows nor a table are wrong
UNUSABLE = ("OperationalError", "DatabaseError")  # a database that is away, and one whose file is damaged
LINES = {  # by whose client: the store, and the setting that says where it is
    "mlflow": ("MLflow", "MODERATO_MLFLOW_TRACKING_URI"),
    "sqlalchemy": ("MLflow's database", "MODERATO_MLFLOW_TRACKING_URI"),
    "httpx": ("Prefect", "MODERATO_PREFECT_API_URL"),
    "lance": ("the lake", "MODERATO_LAKE_URI and the S3 settings"),
}


def away(error: Exception) -> str:
    """One line: which store cannot be reached, why, and what to do; empty for an error of another kind."""
    client = _client(error)
    if not client:
        return ""
    store, setting = LINES[client]
    why = str(error).strip().partition("\n")[0] or type(error).__name__
    return not_reached(store, why, setting)


def _client(error: Exception) -> str:
    package, kind, text = type(error).__module__.partition(".")[0], type(error).__name__, str(error)
    if package == "mlflow":
        return package if getattr(error, "error_code", "") in DOWN or text.startswith(NOT_MLFLOW) else ""
    if package == "sqlalchemy" and kind in UNUSABLE:
        return package
    if kind in ("ConnectError", "ConnectTimeout") or text.startswith("Failed to reach API at"):
        return "httpx"
    if kind == "PrefectHTTPStatusError" and not _is_json(error):
        return "httpx"  # another server answers there
    return "lance" if "LanceError(IO)" in text and any(said in text for said in NO_LAKE) else ""


def _is_json(error: Any) -> bool:
    return "json" in error.response.headers.get("content-type", "")
