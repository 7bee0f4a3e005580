"""`make bench`: every bench, or those that are named, and a table of what was seen, the aims and the verdicts.

Each runs in a process of its own, so that one that crashes, or is killed for its memory, costs itself. Exit code 1
where an aim is missed, which a crashed bench does and a skipped one does not; 2 for a name that is no bench.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.settings import PREFIX
from models.domain.nearest import choose
from tests.benchmarks.frame import LIMIT_SECONDS, ROOT, shown
from tests.benchmarks.results import BUSY, LAST, Result, Results

BENCHES = Path(__file__).with_name("benches")
OUTSIDE = (PREFIX, "MLFLOW_", "PREFECT_")  # a shell of somebody who runs the platform has them
POLL_SECONDS = 0.2
STOP_SECONDS = 60.0  # that an interrupted bench has for stopping its servers
MISSED, WRONG, INTERRUPTED = 1, 2, 130  # exit codes


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="?", default="", help="names of benches, by comma; all without any")
    parser.add_argument("--benches", type=Path, default=BENCHES, help="the folder that holds them")
    parser.add_argument("--json", type=Path, default=LAST, help="where the last result of each is kept")
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    try:
        files = chosen(asked.what, asked.benches)
        kept = Results.read(asked.json)
    except ValueError as error:
        print(error, file=sys.stderr)
        return WRONG
    done: dict[str, Result] = {}
    load = round(os.getloadavg()[0], 1)
    if load > BUSY:
        print(f"others keep {load} processes busy here: seconds will be theirs too, and ratios vary")
    try:
        for file in files:
            done[file.stem] = measured(file).model_copy(update={"load": load})
            kept.updated(done).write(asked.json)  # after each: hours of figures outlive an interrupt
    except KeyboardInterrupt:
        print(table(done), file=sys.stderr)
        return INTERRUPTED
    print(f"{table(done)}\n\nwritten to {asked.json}; `make figures` puts them into the docs")
    return MISSED if any(result.failed for result in done.values()) else 0


def chosen(what: str, folder: Path) -> list[Path]:
    """The files of the benches that are named; raises ValueError, with the choices, for a name that is none."""
    files = {path.stem: path for path in sorted(folder.glob("*.py"))}
    names = what.replace(",", " ").split() or list(files)
    for name in names:
        if name not in files:
            raise ValueError(f"no bench called {name!r}; {choose(name, list(files))}")
    return [files[name] for name in dict.fromkeys(names)]


def measured(file: Path) -> Result:
    with TemporaryDirectory(prefix="moderato-bench-", ignore_cleanup_errors=True) as name:
        folder, path = Path(name, "work"), Path(name, "result.json")
        folder.mkdir()
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.measure",
            *map(str, (file.resolve(), path, folder)),
        ]
        with alone(command, environment(folder)) as process:
            reason = waited(process, path)
        result = Result.model_validate_json(path.read_bytes()) if path.exists() else Result()
        return result.model_copy(update={"outcome": "crashed", "reason": reason}) if reason else result


def waited(process: subprocess.Popen[bytes], path: Path) -> str:
    """Why it did not end by itself, or nothing. The bench's own limit stands in the file once it was read."""
    began, limit = time.monotonic(), LIMIT_SECONDS
    while process.poll() is None:
        if path.exists():
            limit = Result.model_validate_json(path.read_bytes()).limit_seconds
        if time.monotonic() - began > limit:
            return f"not done within {shown(limit, 's')}"
        time.sleep(POLL_SECONDS)
    return f"ended by {signal.Signals(-process.returncode).name}" if process.returncode < 0 else ""


@contextmanager
def alone(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, of which nothing is left when the block is: it may have started servers."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # its `finally`s stop what it started
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                print(f"it does not stop within {STOP_SECONDS:.0f} s and is killed", file=sys.stderr)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def environment(folder: Path) -> dict[str, str]:
    """Of a bench: an empty home, no settings or servers from outside, nobody told."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
    return outside | {
        f"{PREFIX}HOME": str(folder / "home"),
        f"{PREFIX}CARD_PDF": "false",  # a start of Chromium for each champion
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOCAL_STORAGE_PATH": str(folder / "results"),
    }


def table(done: dict[str, Result]) -> str:
    """What was seen, the aim and the verdict of every figure; why a bench has none."""
    lines = [f"\n{'bench':18} {'seen':>12}  {'aim':20} {'verdict':8} figure, beside"]
    for name, result in done.items():
        for it in result.told():
            value = "" if it.value is None else shown(it.value, it.figure.unit)
            aim = it.figure.aim.shown(it.figure.unit)
            lines.append(
                f"{name:18} {value:>12}  {aim:20} {it.verdict:8} {it.figure.name}, {it.figure.beside}"
            )
        if result.outcome != "measured":
            lines.append(f"{name:18} {'':>12}  {'':20} {result.outcome:8} {result.reason}")
    verdicts = [it.verdict for result in done.values() for it in result.seen]
    outcomes = [result.outcome for result in done.values()]
    met, missed = verdicts.count("met"), verdicts.count("missed")
    ended = f"{outcomes.count('crashed')} crashed, {outcomes.count('skipped')} skipped"
    return "\n".join([*lines, f"\n{met} aims met, {missed} missed; of {len(done)} benches {ended}"])


if __name__ == "__main__":
    sys.exit(main())
