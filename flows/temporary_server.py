"""The temporary Prefect server of a run that no other one serves: it ends with the run, although that is killed.

Prefect stops it at the run's own end alone. Run as a module, this is what starts it: `PID MODULE ARGUMENTS`.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from models.distributed.messages import watch


def tie_temporary_server() -> None:
    """Let the server that Prefect may start look after this process; call before the first flow does.

    Not by the system's own signal for that (infra.ties): Prefect may start it in a thread that ends before.
    """
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        from prefect.server.api import server  # takes seconds, and is what Prefect imports then

        server.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": _tied})  # type: ignore[attr-defined,assignment]


def _tied(args: list[str], **options: Any) -> subprocess.Popen[Any]:
    """`args` are Prefect's: this interpreter, -m, a module and its arguments.

    In a session of its own: a terminal's Ctrl-C is for the command, which tells this server how its run ended.
    """
    interpreter, _, *rest = args
    tied = [interpreter, "-m", "flows.temporary_server", str(os.getpid()), *rest]
    return subprocess.Popen(tied, start_new_session=True, **options)  # noqa: S603


def main() -> None:
    watch(int(sys.argv[1]), lambda: os.kill(os.getpid(), signal.SIGTERM))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
