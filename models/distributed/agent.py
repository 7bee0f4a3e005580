"""`python -m models.distributed.agent PID`: starts the workers of a job, and starts all of them again when one dies.

It is torch's elastic agent (torch.distributed.launcher), ends with the process PID that it works for, and its workers
end with it. It imports nothing that it can do without: it lives as long as the training.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from models.distributed.job import Job
from models.distributed.messages import JOB, PLACE, POLL_SECONDS, watch


def main() -> None:
    job, place = Job.model_validate_json(os.environ[JOB]), Path(os.environ[PLACE])
    watch(int(sys.argv[1]), lambda: os.kill(os.getpid(), signal.SIGTERM))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=job.resources.devices,
        run_id=place.name,
        rdzv_backend="c10d",
        rdzv_endpoint=str(place / "rendezvous"),
        rdzv_configs={"store_type": "file"},
        max_restarts=job.resources.restarts,
        local_addr="127.0.0.1",
        monitor_interval=POLL_SECONDS,
        logs_specs=DefaultLogsSpecs(log_dir=str(place / "logs")),
    )
    try:
        elastic_launch(config, sys.executable)("-m", "models.distributed.worker", str(os.getpid()))
    except ChildFailedError:  # whose own words stand in the log already
        sys.exit(1)


if __name__ == "__main__":
    main()
