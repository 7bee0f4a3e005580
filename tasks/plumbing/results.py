"""Results of steps as JSON: what a file holds becomes a handle of ours or a plain value, and never runs.

Prefect lets each file name the serializer that reads it, its own ones unpickle or import what the file names, and a
file without a name is unpickled. Hence those are put out of use in every process that imports a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prefect import states
from prefect.logging import get_logger
from prefect.serializers import PickleSerializer, Serializer, UnknownSerializer
from prefect.utilities.dispatch import get_registry_for_type
from pydantic import BaseModel, Field
from pydantic_core import from_json, to_json

from infra.ingest.summary import Summary
from infra.results import ERROR, TYPE, VALUE
from infra.secrets import masked
from models.process.former_names import present
from tasks.plumbing.handle import Handle

BESIDE = (Summary,)  # what steps return that is no handle
PLAIN = (type(None), bool, int, float, str)


class ForeignResultError(ValueError):
    """A result that is no JSON of ours; Prefect takes it for absent, and its step runs again."""


class StepFailedError(RuntimeError):
    """What stands for an exception that a result recorded: its name and message."""


class PlainSerializer(Serializer):
    """Handles and plain values as JSON. Only handles that this process has imported are made again, none by a name."""

    type: str = Field(default=TYPE, frozen=True)

    def dumps(self, obj: Any) -> bytes:
        if isinstance(obj, BaseException):
            return to_json({"error": _name(type(obj)), "message": masked(str(obj))})
        if isinstance(obj, BaseModel) and _name(type(obj)) in _known():
            held = obj.model_dump()  # a model itself would write null for what is infinite
            return to_json({"is": _name(type(obj)), "value": held}, inf_nan_mode="constants")
        if _is_plain(obj):
            return to_json({"is": None, "value": obj}, inf_nan_mode="constants")
        raise TypeError(
            f"a step returned {type(obj).__name__}, which is kept nowhere; "
            "return a tasks.plumbing.handle.Handle or plain values"
        )

    def loads(self, blob: bytes) -> Any:
        found = from_json(blob)
        if isinstance(found, dict) and set(found) == ERROR:
            return StepFailedError(f"{found['error']}: {found['message']}")
        if not isinstance(found, dict) or set(found) != VALUE:
            raise ForeignResultError("not a result of ours")
        if found["is"] is None:
            return found["value"]
        kind = _known().get(present(str(found["is"])))
        if kind is None:
            raise ForeignResultError(f"{str(found['is'])[:80]!r} is no handle that this process knows")
        return kind.model_validate_json(to_json(found["value"], inf_nan_mode="constants"))


class ForeignSerializer(UnknownSerializer):
    """Stands in for every other serializer: takes whatever options a file gives, and reads and writes nothing."""

    @classmethod
    def __dispatch_key__(cls) -> str:
        return "__foreign__"

    def dumps(self, obj: Any) -> bytes:
        raise ForeignResultError(
            f"{type(obj).__name__} would be kept as {self.type}; give its flow or task result_serializer=RESULTS"
        )

    def loads(self, blob: bytes) -> Any:  # noqa: ARG002 - Prefect's signature
        return _refuse(self.type)


RESULTS = PlainSerializer()


def _refuse(kind: str) -> Any:
    get_logger("results").warning(
        "a step's result is kept as %s and not as JSON, as before; it is not read, and the step runs again",
        kind,
    )
    raise ForeignResultError(f"a result that is kept as {kind} is never read")


def _known() -> dict[str, type[BaseModel]]:
    """What a result may become, by name."""
    kinds: tuple[type[BaseModel], ...] = (*BESIDE, *_below(Handle))
    return {_name(kind): kind for kind in kinds}


def _below(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_plain(value: Any) -> bool:
    """Whether JSON gives it back as it was: not tuples, nor keys that are no text."""
    if type(value) is dict:
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    return all(map(_is_plain, value)) if type(value) is list else type(value) in PLAIN


def _put_others_out_of_use() -> None:
    registry: dict[str, Any] = get_registry_for_type(Serializer) or {}
    for name, kind in registry.items():
        if not issubclass(kind, PlainSerializer | UnknownSerializer) and kind is not Serializer:
            registry[name] = ForeignSerializer
    # what a record without a serializer is read by, whatever the registry says
    PickleSerializer.loads = lambda self, blob: _refuse(self.type)  # type: ignore[method-assign] # noqa: ARG005


def _mask_what_failed() -> None:
    """The message of a failed state is the exception's, and lies at Prefect's server, where every viewer reads it."""
    said = states.format_exception

    def shown(*error: Any) -> str:
        return masked(said(*error))

    states.format_exception = shown  # type: ignore[assignment] # what it is called with goes on


_mask_what_failed()
_put_others_out_of_use()  # at import: Prefect asks for a serializer before any code of a flow runs
