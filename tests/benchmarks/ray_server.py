"""The bundle under Ray Serve, batching as its documentation has it: ray_server.py BUNDLE PORT WORKERS."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from answers import BATCH, PATIENCE, Answer, answers  # beside this script
from ray import init, serve
from starlette.requests import Request

from models.bundle.bundle import Bundle


@serve.deployment(max_ongoing_requests=2 * BATCH)
class Api:
    def __init__(self, folder: str) -> None:
        self.bundle = Bundle.load(Path(folder), threads=1)

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=PATIENCE)
    async def score(self, texts: list[str]) -> list[Answer]:
        return answers(self.bundle, texts)

    async def __call__(self, request: Request) -> Answer:
        return await self.score((await request.json())["text"])


if __name__ == "__main__":
    folder, port, workers = sys.argv[1:]
    init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)})
    serve.run(Api.options(num_replicas=int(workers)).bind(folder), route_prefix="/predict")
    while True:
        time.sleep(1)
