"""`python -m tests.benchmarks.measure BENCH RESULT FOLDER`: one bench in this process.

RESULT always holds all that was seen so far, as a crashed bench until it is done: what is killed has said so already.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

from tests.benchmarks.frame import ROOT, Bench, Seen, SkippedError, Table
from tests.benchmarks.results import Result, write

BESIDE = ("infra/face", "tests/support")  # where benches find what tests share, as pytest does


def loaded(path: Path) -> tuple[Bench, str]:
    """The bench that a file announces, and the first line of its docstring."""
    module = imported(path)
    bench = getattr(module, "BENCH", None)
    if not isinstance(bench, Bench):
        raise TypeError(f"{path} must announce BENCH, a Bench; it has {bench!r}")
    return bench, (module.__doc__ or "").partition("\n")[0].removesuffix(".")


def imported(path: Path) -> ModuleType:
    """Ours by their names, so that processes which a bench starts find its functions; any other by its place."""
    if path.is_relative_to(ROOT):
        return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def followed(bench: Bench, result: Result, path: Path, folder: Path) -> Result:
    """Everything that the bench yields, written down and told as it comes."""
    for found in bench.measure(folder):
        if isinstance(found, Table):
            result = result.model_copy(update={"table": found})
            print("\n" + found.markdown(), flush=True)
        else:
            result = with_seen(result, found)
            print(found, flush=True)
        write(path, result.model_dump_json())
    unseen = [it.figure.name for it in result.seen if it.value is None]
    if unseen:
        return result.model_copy(update={"reason": f"never looked at: {', '.join(unseen)}"})
    return result.model_copy(update={"outcome": "measured", "reason": ""})


def with_seen(result: Result, found: Seen) -> Result:
    if found.figure not in [it.figure for it in result.seen]:
        names = ", ".join(repr(it.figure.name) for it in result.seen)
        raise ValueError(f"{found.figure.name!r} is none of the bench's figures: {names}")
    seen = tuple(found if it.figure == found.figure else it for it in result.seen)
    return result.model_copy(update={"seen": seen})


def main(bench_file: Path, path: Path, folder: Path) -> None:
    sys.path += [str(ROOT / name) for name in BESIDE]
    began, result = time.monotonic(), Result()
    try:
        bench, about = loaded(bench_file)
        nothing = tuple(Seen(figure=figure) for figure in bench.figures)
        declared = {
            "about": about,
            "seen": nothing,
            "seeds": bench.seeds,
            "limit_seconds": bench.limit_seconds,
        }
        result = result.model_copy(update=declared)
        print(f"\n{bench_file.stem}: {about}", flush=True)
        write(path, result.model_dump_json())
        result = followed(bench, result, path, folder)
    except SkippedError as reason:
        result = Result.model_validate_json(path.read_bytes())
        result = result.model_copy(update={"outcome": "skipped", "reason": str(reason)})
    except BaseException as error:  # noqa: BLE001 - whatever ends a bench is what is to be told
        traceback.print_exc()
        # what was seen before it crashed stands in the file
        result = Result.model_validate_json(path.read_bytes()) if path.exists() else result
        lines = traceback.format_exception_only(error)
        result = result.model_copy(update={"reason": lines[-1].strip()})
    finally:
        took = {"seconds": round(time.monotonic() - began, 1)}
        write(path, result.model_copy(update=took).model_dump_json())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
