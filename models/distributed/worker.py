"""`python -m models.distributed.worker PID`: one of the processes that train together, a child of the agent PID."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from models.distributed.messages import COURSE, JOB, PLACE, failure, watch

TERMINATED = 143  # exit code after SIGTERM
STOP_SECONDS = (
    60.0  # seconds for whoever hears of a mistake to stop all processes: starting again would not mend it
)


def main() -> None:
    """SIGTERM is held back, before torch has threads, and looked for in one of ours: a handler would wait for a
    collective that never ends.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    watch(int(sys.argv[1]), lambda: os._exit(TERMINATED))
    work()


def work() -> None:
    """Do this process's part of the job in its environment."""
    from pkgutil import resolve_name

    from models.distributed.job import Job
    from models.domain.errors import UserError

    job, place = Job.model_validate_json(os.environ[JOB]), Path(os.environ[PLACE])
    _join(place)
    with (place / COURSE).open("a", buffering=1) as course:

        def tell(word: dict[str, Any]) -> None:
            course.write(json.dumps(word) + "\n")

        try:
            resolve_name(job.run).rejoin(job, tell)
        except UserError as error:
            tell(failure(error))
            time.sleep(STOP_SECONDS)
            raise


def _join(place: Path) -> None:
    """Meet the other processes of this start in a file of its own."""
    import torch
    import torch.distributed as dist

    start, rank, world = (
        int(os.environ[name]) for name in ("TORCHELASTIC_RESTART_COUNT", "RANK", "WORLD_SIZE")
    )
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if backend == "nccl":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    else:
        pin(int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"]))
    dist.init_process_group(backend, init_method=f"file://{place}/start{start}", rank=rank, world_size=world)


def pin(rank: int, processes: int) -> None:
    """Keep to a share of the cores: processes that wait for each other in each step are as slow as one that another
    disturbs. Where there are more processes than cores, and where no system calls do that, none is pinned.
    """
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        share = cores[rank * len(cores) // processes : (rank + 1) * len(cores) // processes]
        os.sched_setaffinity(0, share or cores)


if __name__ == "__main__":
    main()
